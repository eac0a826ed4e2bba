package logmon

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/logs/internal/queue"
	"github.com/spreadd/spreadd/logs/internal/traffic"
	"github.com/spreadd/spreadd/spread"
)

//go:generate go tool -modfile=../../.ci/tools/go.mod stringer -type=dropReason -linecomment

// dropReason is why a message was not counted.
type dropReason uint8

const (
	// The queue is full: messages arrive faster than they can be counted.
	dropQueue dropReason = iota // queue_full
	// Sent to the monitor's private group.
	dropPrivate // private
	numDropReasons
)

// Monitor is a running logmon.
type Monitor struct {
	cfg     Config
	client  *spread.Client
	queue   *queue.List[item]
	ready   chan struct{}
	once    sync.Once
	dropped [numDropReasons]atomic.Int64

	mu      sync.Mutex // guards the fields below
	traffic *traffic.Traffic
	state   State
}

// State is the state of the connection to the daemon.
type State struct {
	// Connected reports whether all groups are joined. Daemon and Session are the daemon's address
	// and the private group of the current connection, or of the last one.
	Connected bool      `json:"connected"`
	Daemon    string    `json:"daemon"`
	Session   string    `json:"session"`
	Since     time.Time `json:"since"`           // of the last change of Connected
	Error     string    `json:"error,omitempty"` // why it is not connected
	Connects  int64     `json:"connects"`
	// Dropped counts messages that were not counted, by reason: "queue_full" or "private".
	Dropped map[string]int64 `json:"dropped"`
	Groups  []string         `json:"joined"`
}

// View is everything that a monitor can show at one moment.
type View struct {
	State State `json:"state"`
	*traffic.Snapshot
}

// New checks the configuration and returns a monitor. It does not connect.
func New(cfg Config) (*Monitor, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	now := time.Now()
	t, err := traffic.New(cfg.Traffic, now)
	if err != nil {
		return nil, err
	}
	client, err := newClient(&cfg)
	if err != nil {
		return nil, err
	}
	return &Monitor{
		cfg: cfg, client: client, traffic: t, ready: make(chan struct{}),
		queue: queue.NewList(cfg.QueueBytes, func(it *item) int { return len(it.payload) }),
		state: State{Daemon: cfg.Addresses[0], Since: now, Error: "not connected yet", Groups: cfg.Groups},
	}, nil
}

// Ready returns a channel that is closed when all groups are joined for the first time.
func (m *Monitor) Ready() <-chan struct{} { return m.ready }

// Run receives and counts until ctx ends. It may be called once.
func (m *Monitor) Run(ctx context.Context) {
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() { m.count(stop) })
	(&receiver{m: m}).run(ctx)
	close(stop)
	wg.Wait()
}

// item is a message that waits to be counted.
type item struct {
	at            time.Time
	group, sender string
	payload       []byte
}

// countBatch is how many messages are counted while callers of View wait.
const countBatch = 256

// count counts messages until stop is closed, and then those that are left.
func (m *Monitor) count(stop <-chan struct{}) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	var batches [][]item
	for stopped := false; !stopped; {
		select {
		case <-m.queue.Wake():
		case <-second.C:
		case <-stop:
			stopped = true
		}
		batches = m.queue.Take(batches)
		for _, items := range batches {
			for some := range slices.Chunk(items, countBatch) {
				m.countSome(some)
			}
		}
		m.mu.Lock()
		m.traffic.Advance(time.Now())
		m.mu.Unlock()
	}
}

func (m *Monitor) countSome(items []item) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range items {
		it := &items[i]
		m.traffic.Message(it.at, it.group, it.sender, it.payload)
	}
}

// View returns what the monitor shows now. It may be called at any time.
func (m *Monitor) View(q traffic.Query) View {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := View{State: m.state, Snapshot: m.traffic.Snapshot(time.Now(), q)}
	v.State.Dropped = make(map[string]int64, numDropReasons)
	for i := range m.dropped {
		v.State.Dropped[dropReason(i).String()] = m.dropped[i].Load()
	}
	return v
}

func (m *Monitor) drop(why dropReason, n int) { m.dropped[why].Add(int64(n)) }

// joined notes that all groups are joined.
func (m *Monitor) joined(ev *spread.Joined) {
	m.mu.Lock()
	s := &m.state
	s.Connected, s.Daemon, s.Session, s.Since, s.Error = true, ev.Address, ev.PrivateGroup, time.Now(), ""
	s.Connects++
	m.mu.Unlock()
	log := m.cfg.Log.With(slog.String("daemon", ev.Address), slog.String("session", ev.PrivateGroup))
	if ev.Away > 0 {
		log.Warn("joined again; messages sent in between are not counted", slog.String("away", ev.Away.Round(time.Millisecond).String()))
	} else {
		log.Info("joined", slog.Int("groups", len(m.cfg.Groups)))
	}
	m.once.Do(func() { close(m.ready) })
}

// disconnected notes why there is no connection.
func (m *Monitor) disconnected(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.state.Connected {
		m.state.Connected, m.state.Since = false, time.Now()
	}
	m.state.Error = traffic.Clean(err.Error())
}
