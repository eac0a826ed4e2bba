package logmon

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/spreadd/spreadd/spread"
)

// receiveBatch bounds how many messages are collected before they go to the queue.
const receiveBatch = 256

// newClient returns the client of a monitor, with all groups joined.
func newClient(cfg *Config) (*spread.Client, error) {
	name := "lm" + strconv.Itoa(os.Getpid())
	secure, err := cfg.TLS.Config(func(err error) { cfg.Log.Error("cannot use new certificates", slog.Any("error", err)) })
	if err != nil {
		return nil, err
	}
	c, err := spread.NewClient(cfg.Addresses, spread.WithName(name[:min(len(name), 10)]), spread.WithTLS(secure),
		spread.WithSocketUsers(cfg.DaemonUsers...), spread.WithConnect(cfg.Dial))
	if err != nil {
		return nil, err
	}
	for _, g := range cfg.Groups {
		if err := c.Join(context.Background(), g); err != nil { // not connected: only the name can be wrong
			return nil, err
		}
	}
	return c, nil
}

// receiver moves messages from the daemon to the queue.
type receiver struct {
	m     *Monitor
	batch []item
	now   time.Time // when the batch began to arrive
}

// run receives until ctx ends.
func (r *receiver) run(ctx context.Context) {
	m, c := r.m, r.m.client
	defer func() { _ = c.Close() }()  // a monitor sends nothing that could be lost
	failing, rejected := false, false // whether that was logged
	for {
		ev, err := c.Receive(ctx)
		if err != nil {
			r.flush()
			return
		}
		if len(r.batch) == 0 {
			r.now = time.Now()
		}
		switch ev := ev.(type) {
		case *spread.Message:
			r.message(ev)
		case *spread.Joined:
			failing = false
			m.joined(ev)
		case *spread.Rejected:
			if !rejected {
				rejected = true
				m.cfg.Log.Warn("the daemon rejects a join; its access policy must allow logmon to join the groups", slog.Any("groups", ev.Message.Groups))
			}
		case *spread.Disconnected:
			rejected = false
			m.disconnected(ev.Err)
			m.cfg.Log.Warn("lost the connection to the daemon", slog.String("daemon", ev.Address), slog.Any("error", ev.Err))
		case *spread.ConnectFailed:
			m.disconnected(ev.Err)
			if !failing {
				failing = true
				m.cfg.Log.Warn("cannot connect to the daemon; will keep retrying", slog.String("daemon", ev.Address), slog.Any("error", ev.Err))
			}
		}
		if len(r.batch) >= receiveBatch || !c.Ready() {
			r.flush()
		}
	}
}

// flush moves the batch to the queue.
func (r *receiver) flush() {
	if len(r.batch) == 0 {
		return
	}
	dropped, _, next := r.m.queue.Put(r.batch)
	r.m.drop(dropQueue, len(dropped))
	r.batch = next
}

// message adds a message to the batch, for the first of its groups that the monitor has joined.
func (r *receiver) message(m *spread.Message) {
	for _, g := range m.Groups {
		if _, ok := slices.BinarySearch(r.m.cfg.Groups, g); ok {
			r.batch = append(r.batch, item{r.now, g, m.Sender, m.Payload})
			return
		}
	}
	r.m.drop(dropPrivate, 1)
}
