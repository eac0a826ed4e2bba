package logsub

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/logs/internal/queue"
	"github.com/spreadd/spreadd/logs/internal/sink"
)

// slowly is a destination that accepts a line for each value of next.
type slowly struct{ next chan struct{} }

func (s *slowly) Deliver(ctx context.Context, b *queue.Batch) error {
	for i := range b.Entries() {
		select {
		case <-s.next:
			b.Ack(i + 1)
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

func (s *slowly) Idle(context.Context) error { return nil }
func (s *slowly) Reopen()                    {}
func (s *slowly) Close() error               { return nil }
func (s *slowly) Stats() sink.Stats          { return sink.Stats{} }

// TestSlowIsNotStuck: a sink that is full and goes on is not stuck, however long; one that accepts nothing is.
func TestSlowIsNotStuck(t *testing.T) {
	d := &slowly{next: make(chan struct{})}
	log := slog.New(slog.DiscardHandler)
	q, err := sink.NewQueued(d, sink.QueuedConfig{Name: "slow", Queue: queue.Config{LimitBytes: 16 << 10}, EndWait: testkit.Patience, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	q.Start(t.Context())
	w := &writer{s: &Subscriber{cfg: Config{Patience: 10 * time.Second, Log: log}}, queued: q, sink: q}
	out := q.Outlet("")
	line := sink.Line{Text: make([]byte, 1000)}
	now := time.Unix(1e9, 0)
	fill := func() {
		for out.Put(&line) {
		}
	}
	fill()
	tick := func() {
		fill()
		w.refusing.Store(true)
		now = now.Add(time.Second)
		w.checkStuck(now)
	}
	for n := range 60 {
		d.next <- struct{}{}
		testkit.Wait(t, "a delivered line", func() bool { return q.Delivered() == int64(n+1) })
		if tick(); w.stuck.Load() {
			t.Fatalf("it is stuck after %d s, in each of which it has accepted a line", n+1)
		}
	}
	for range 11 {
		tick()
	}
	if !w.stuck.Load() {
		t.Error("it is not stuck though it accepts nothing")
	}
	d.next <- struct{}{}
	testkit.Wait(t, "a delivered line", func() bool { return q.Delivered() == 61 })
	if tick(); w.stuck.Load() {
		t.Error("it is stuck though it goes on")
	}
	close(d.next)
	if err := q.Close(); err != nil {
		t.Error(err)
	}
}
