package logsim

import (
	"context"
	"io/fs"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/internal/testkit/crashfs"
	"github.com/spreadd/spreadd/spread"
)

// mutation is a fault planted between a program and its disk or its daemon, which the checks must see.
type mutation struct {
	name string
	// plan changes plans so that it can be seen.
	plan func(p *plan)
	fs   func(h *host, d fsutil.FS) fsutil.FS
	conn func(h *host, c spread.Connection) spread.Connection
}

func (m *mutation) disk(h *host, d *crashfs.Disk) fsutil.FS {
	if m.fs == nil {
		return d
	}
	return m.fs(h, d)
}

func (m *mutation) connection(h *host, c spread.Connection) spread.Connection {
	if m.conn == nil {
		return c
	}
	return m.conn(h, c)
}

// lazyDisk syncs nothing whose path has a prefix.
type lazyDisk struct {
	fsutil.FS
	prefix string
}

type lazyFile struct{ fsutil.File }

// Sync implements [fsutil.File].
func (lazyFile) Sync() error { return nil }

// OpenFile implements [fsutil.FS].
func (d lazyDisk) OpenFile(path string, flag int, perm fs.FileMode, devices bool) (fsutil.File, error) {
	f, err := d.FS.OpenFile(path, flag, perm, devices)
	if err == nil && strings.HasPrefix(path, d.prefix) {
		f = lazyFile{f}
	}
	return f, err
}

// SyncDir implements [fsutil.FS].
func (d lazyDisk) SyncDir(path string) error {
	if strings.HasPrefix(path, d.prefix) {
		return nil
	}
	return d.FS.SyncDir(path)
}

// lateConn hears no messages for some time.
type lateConn struct {
	spread.Connection
	since time.Time
}

// Receive implements [spread.Connection].
func (c *lateConn) Receive(ctx context.Context) (spread.Event, error) {
	return c.skip(func() (spread.Event, error) { return c.Connection.Receive(ctx) })
}

// ReceiveInto implements [spread.Connection].
func (c *lateConn) ReceiveInto(ctx context.Context, m *spread.Message) (spread.Event, error) {
	return c.skip(func() (spread.Event, error) { return c.Connection.ReceiveInto(ctx, m) })
}

func (c *lateConn) skip(receive func() (spread.Event, error)) (spread.Event, error) {
	for {
		e, err := receive()
		m, ok := e.(*spread.Message)
		if !ok || time.Since(c.since) > 500*time.Millisecond || !strings.HasPrefix(string(m.Payload), "\xffLP") {
			return e, err
		}
	}
}

func mutations() []mutation {
	return []mutation{
		{
			name: "lines are acknowledged before they are synced",
			plan: func(p *plan) {
				p.logs, p.acks, p.sync, p.size = 1, 1, -1, 0
				p.faults = []fault{{kind: power, log: true, at: p.length / 2, length: time.Second}}
			},
			fs: func(h *host, d fsutil.FS) fsutil.FS {
				if !h.log {
					return d
				}
				return lazyDisk{d, logDir}
			},
		},
		{
			name: "the position of a file is ahead of the spool",
			plan: func(p *plan) {
				for i := range p.pipe {
					p.pipe[i] = false
				}
				p.faults = []fault{
					{kind: noSubscriber, at: p.length / 4, length: p.length},
					{kind: power, at: p.length / 2, length: time.Second},
				}
			},
			fs: func(h *host, d fsutil.FS) fsutil.FS {
				if h.log {
					return d
				}
				return lazyDisk{d, spoolDir}
			},
		},
		{
			name: "a log host heals up to its join, and receives what comes later",
			plan: func(p *plan) {
				p.logs, p.acks = 2, 1
				p.faults = []fault{{kind: killSubscriber, log: true, host: 1, at: p.length / 2, length: 10 * time.Millisecond}}
			},
			conn: func(h *host, c spread.Connection) spread.Connection {
				if h.name != "l1" {
					return c
				}
				return &lateConn{c, time.Now()}
			},
		},
		{
			name: "a spool forgets with its process",
			plan: func(p *plan) {
				p.faults = []fault{
					{kind: noSubscriber, at: p.length / 4, length: p.length},
					{kind: killPublisher, at: p.length / 2, length: time.Second},
				}
			},
			fs: func(h *host, d fsutil.FS) fsutil.FS {
				if h.log {
					return d
				}
				return forgetfulDisk{d}
			},
		},
	}
}

// forgetfulDisk has no segments of a spool that an earlier process wrote.
type forgetfulDisk struct{ fsutil.FS }

// ReadDir implements [fsutil.FS].
func (d forgetfulDisk) ReadDir(path string) ([]fs.DirEntry, error) {
	list, err := d.FS.ReadDir(path)
	if strings.HasPrefix(path, spoolDir+"/") {
		var kept []fs.DirEntry
		for _, e := range list {
			if strings.HasSuffix(e.Name(), ".seg") {
				_ = d.Remove(path + "/" + e.Name())
				continue
			}
			kept = append(kept, e)
		}
		list = kept
	}
	return list, err
}

// mutantSeeds is how many seeds may pass before a planted fault is seen.
const mutantSeeds = 30

// TestMutants: the checks see planted faults.
func TestMutants(t *testing.T) {
	for _, m := range mutations() {
		t.Run(m.name, func(t *testing.T) {
			for seed := uint64(1); seed <= mutantSeeds; seed++ {
				p := draw(seed)
				m.plan(p)
				p.mutation = m
				if out := run(t, p, slog.LevelWarn); len(out.violations) > 0 {
					t.Logf("seed %d: %s", seed, out.violations[0])
					p.mutation = mutation{}
					if out := run(t, p, slog.LevelWarn); len(out.violations) > 0 {
						t.Errorf("seed %d fails without the fault, too: %s", seed, out.violations[0])
					}
					return
				}
			}
			t.Errorf("not seen in %d seeds", mutantSeeds)
		})
	}
}
