package sink

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/logs/internal/queue"
	"github.com/spreadd/spreadd/logs/internal/spool"
)

// down is a destination that takes nothing.
type down struct{}

func (down) Deliver(context.Context, *queue.Batch) error { return errors.New("down") }
func (down) Idle(context.Context) error                  { return nil }
func (down) Reopen()                                     {}
func (down) Close() error                                { return nil }
func (down) Stats() Stats                                { return Stats{} }

// unsynced is a spool that cannot be synced until it works.
type unsynced struct {
	queue.Store
	works *atomic.Bool
}

func (s unsynced) Sync() error {
	if !s.works.Load() {
		return errors.New("the disk fails")
	}
	return s.Store.Sync()
}

// TestSettled: a line in the spool is safe, and durable once the spool is synced.
func TestSettled(t *testing.T) {
	var works atomic.Bool
	s, err := NewQueued(down{}, QueuedConfig{Name: "table", Log: slog.New(slog.DiscardHandler), Queue: queue.Config{
		Spool: t.TempDir(), SpoolAfter: -1,
		Open: func(cfg spool.Config) (queue.Store, spool.Recovery, error) {
			st, found, err := spool.Open(cfg)
			return unsynced{st, &works}, found, err
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if !s.Outlet("").Put(&Line{Text: []byte("line\n")}) {
		t.Fatal("no room")
	}
	mark := s.Mark()
	if s.Settled(mark, false) {
		t.Error("a line in memory is safe")
	}
	s.Start(t.Context())
	testkit.Wait(t, "the line in the spool", func() bool { return s.Settled(mark, false) })
	if s.Settled(mark, true) {
		t.Error("the line is durable before the spool is synced")
	}
	works.Store(true)
	testkit.Wait(t, "a sync", func() bool { return s.Settled(mark, true) })
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
