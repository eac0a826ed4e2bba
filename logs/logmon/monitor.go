package logmon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/logs/internal/queue"
	"github.com/spreadd/spreadd/logs/internal/traffic"
)

// dropReason says why a message was not counted.
type dropReason uint8

const (
	dropQueue   dropReason = iota // the queue is full: lines come faster than they can be counted
	dropPrivate                   // sent to us and not to a group
	numDropReasons
)

// String returns a short name, fit for a label.
func (d dropReason) String() string {
	switch d {
	case dropQueue:
		return "queue_full"
	case dropPrivate:
		return "private"
	case numDropReasons:
	}
	return fmt.Sprintf("dropReason(%d)", uint8(d))
}

// Monitor is a running logmon.
type Monitor struct {
	cfg     Config
	queue   *queue.List[item]
	ready   chan struct{}
	once    sync.Once
	dropped [numDropReasons]atomic.Int64

	mu      sync.Mutex // holds what is below
	traffic *traffic.Traffic
	state   State
}

// State is how it stands with the daemon.
type State struct {
	// Connected tells whether all groups are joined; then Daemon and Session say where,
	// and by which private group.
	Connected bool   `json:"connected"`
	Daemon    string `json:"daemon"`  // its address; else the one before
	Session   string `json:"session"` // the same
	// Since is when that began.
	Since    time.Time `json:"since"`
	Error    string    `json:"error,omitempty"` // why it is not connected
	Connects int64     `json:"connects"`
	// Dropped are messages that were not counted, by reason: "queue_full", "private".
	Dropped map[string]int64 `json:"dropped"`
	Groups  []string         `json:"joined"`
}

// View is all there is to see at a moment.
type View struct {
	State State `json:"state"`
	*traffic.Snapshot
}

// New checks the configuration. The monitor begins to count now.
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
	return &Monitor{
		cfg: cfg, queue: queue.NewList(cfg.QueueBytes, func(it *item) int { return len(it.payload) }), ready: make(chan struct{}), traffic: t,
		state: State{Daemon: cfg.Addresses[0], Since: now, Error: "not connected yet", Groups: cfg.Groups},
	}, nil
}

// Ready is closed when all groups are joined for the first time.
func (m *Monitor) Ready() <-chan struct{} { return m.ready }

// Run receives and counts until ctx ends.
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

// countBatch is how many messages are counted while who wants a view waits.
const countBatch = 256

// count counts what comes until stop is closed, and then what is left.
func (m *Monitor) count(stop <-chan struct{}) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	var spare []item
	for stopped := false; !stopped; {
		select {
		case <-m.queue.Wake():
		case <-second.C:
		case <-stop:
			stopped = true
		}
		items := m.queue.Take(spare)
		for rest := items; len(rest) > 0; rest = rest[min(len(rest), countBatch):] {
			m.countSome(rest[:min(len(rest), countBatch)])
		}
		m.mu.Lock()
		m.traffic.Advance(time.Now())
		m.mu.Unlock()
		spare = items
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

// View returns what there is to see now. It may be called at any time.
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

// connected notes that all groups are joined.
func (m *Monitor) connected(address, session string) {
	m.mu.Lock()
	s := &m.state
	away := time.Since(s.Since)
	s.Connected, s.Daemon, s.Session, s.Since, s.Error = true, address, session, time.Now(), ""
	s.Connects++
	again := s.Connects > 1
	m.mu.Unlock()
	log := m.cfg.Log.With(slog.String("daemon", address), slog.String("session", session))
	if again {
		log.Warn("joined again; what was sent in between is not counted", slog.String("away", away.Round(time.Millisecond).String()))
	} else {
		log.Info("joined", slog.Int("groups", len(m.cfg.Groups)))
	}
	m.once.Do(func() { close(m.ready) })
}

// disconnected notes that the session has ended.
func (m *Monitor) disconnected() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.state.Connected {
		m.state.Connected, m.state.Since = false, time.Now()
	}
}

// fail notes why there is no session.
func (m *Monitor) fail(err error) {
	if err == nil {
		err = errors.New("the session has ended")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state.Error = traffic.Clean(err.Error())
}
