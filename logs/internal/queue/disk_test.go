package queue

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/logs/internal/spool"
)

// badDisk is a store whose faults are chosen.
type badDisk struct {
	*spool.Spool
	mu     sync.Mutex
	append error
	read   error
	sync   error
}

func (d *badDisk) set(appendErr, readErr error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.append, d.read = appendErr, readErr
}

func (d *badDisk) Append(r spool.Record) error {
	d.mu.Lock()
	err := d.append
	d.mu.Unlock()
	if err != nil {
		return err
	}
	return d.Spool.Append(r)
}

func (d *badDisk) Read(id uint64, buf []byte) (spool.Record, error) {
	d.mu.Lock()
	err := d.read
	d.mu.Unlock()
	if err != nil {
		return spool.Record{}, err
	}
	return d.Spool.Read(id, buf)
}

func (d *badDisk) Sync() error { return cmp.Or(d.sync, d.Spool.Sync()) }

// TestSyncFails: what could not be synced is not durable, unless it is delivered.
func TestSyncFails(t *testing.T) {
	q, d := withDisk(t, Config{BatchLines: 5})
	for _, tt := range []struct {
		what          string
		sync          error
		lines         int
		safe, durable uint64
	}{
		{"nothing", nil, 0, 0, 0},
		{"works", nil, 10, 10, 10},
		{"fails", errors.New("the disk is broken"), 20, 20, 10},
		{"works again", nil, 30, 30, 30},
		{"fails again", errors.New("the disk is broken"), 40, 40, 30},
	} {
		d.sync = tt.sync
		puts(q, int(q.Mark()), tt.lines)
		q.Save()
		if safe, durable := q.Safe(), q.Durable(); safe != tt.safe || durable != tt.durable {
			t.Errorf("%s: safe up to %d, want %d; durable up to %d, want %d", tt.what, safe, tt.safe, durable, tt.durable)
		}
	}
	q.Finish()
	takeAll(t, q)
	if durable := q.Durable(); durable != 40 {
		t.Errorf("delivered: durable up to %d", durable)
	}
	d.sync = nil
	if err := q.Close(); err != nil {
		t.Error(err)
	}
}

// withDisk opens a queue on such a disk.
func withDisk(t *testing.T, cfg Config) (*Queue, *badDisk) {
	d := &badDisk{}
	cfg.Spool = filepath.Join(t.TempDir(), "spool")
	cfg.Open = func(c spool.Config) (Store, spool.Recovery, error) {
		s, found, err := spool.Open(c)
		d.Spool = s
		return d, found, err
	}
	return mustOpen(t, cfg), d
}

// TestDiskFails: lines wait in memory then, the rest is counted by its reason, and it goes on when the disk works.
func TestDiskFails(t *testing.T) {
	broken := errors.New("the disk is broken")
	for _, tt := range []struct {
		err    error
		reason string
	}{{broken, "spool_error"}, {spool.ErrFull, "spool_full"}} {
		t.Run(tt.reason, func(t *testing.T) {
			var log logBuffer
			synctest.Test(t, func(t *testing.T) {
				q, d := withDisk(t, Config{LimitBytes: 100 << 10, Report: slog.New(slog.NewTextHandler(&log, nil))})
				d.set(tt.err, nil)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				go q.Run(ctx)
				puts(q, 0, 10)
				<-time.After(time.Minute)
				n := 10 + puts(q, 10, 10000)
				st := q.Stats()
				if n == 10000 || n < 1000 || st.Dropped[tt.reason] != int64(10000-n) {
					t.Errorf("%d accepted, %+v", n, st)
				}
				if log.count("level=") != 1 || log.count(tt.err.Error()) != 1 {
					t.Errorf("the log has %q", &log)
				}
				d.set(nil, nil)
				<-time.After(time.Minute)
				synctest.Wait()
				if log.count("level=") != 2 || log.count("spool takes lines again") != 1 {
					t.Errorf("the log has %q", &log)
				}
				n += puts(q, 20000, 20001)
				q.Finish()
				if lines := takeAll(t, q); len(lines) != n {
					t.Errorf("%d lines of %d", len(lines), n)
				}
				cancel()
				synctest.Wait()
				if err := q.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestSaveTogether: blocks that are sent one by one go to the spool together, and none too late.
func TestSaveTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const after, each, blocks = 20 * time.Millisecond, 2 * time.Millisecond, 100
		q, _ := withDisk(t, Config{SpoolAfter: after})
		due, rounds := time.Now().Add(after), 0
		for i := range blocks {
			puts(q, i, i+1)
			if b, _ := q.Take(); b != nil {
				q.LetGo(b)
			}
			if !time.Now().Before(due) {
				wait, err := q.saveDue(after)
				if err != nil {
					t.Fatal(err)
				}
				due, rounds = time.Now().Add(wait), rounds+1
			}
			<-time.After(each)
			if b := q.memory.unsaved(); b != nil && time.Since(b.born) > after+each {
				t.Fatalf("a block is in memory only for %v", time.Since(b.born))
			}
		}
		if most := int(blocks * each * 2 / after); rounds > most {
			t.Errorf("%d blocks in %d rounds, want %d", blocks, rounds, most)
		}
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestDiskUnreadable: what cannot be read is given up after a while, counted, and holds nothing up for good.
func TestDiskUnreadable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, d := withDisk(t, Config{SpoolAfter: time.Nanosecond})
		puts(q, 0, 10)
		<-time.After(time.Millisecond)
		if _, err := q.saveDue(0); err != nil {
			t.Fatal(err)
		}
		for q.evict() {
		}
		d.set(nil, errors.New("the disk is broken"))
		puts(q, 10, 15)
		q.Finish()
		began := time.Now()
		wantLines(t, takeAll(t, q), 10, 15)
		if took := time.Since(began); took < 5*time.Second || took > time.Minute {
			t.Errorf("that took %v", took)
		}
		if st := q.Stats(); st.Dropped["spool_damage"] != 10 {
			t.Errorf("%+v", st)
		}
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestTakeAgainFails: a spool of which a block cannot be read again is left for later, so that other lines can be sent.
func TestTakeAgainFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, d := withDisk(t, Config{Lines: true, Slots: 2, LimitBytes: 2048})
		to := &Target{Groups: []string{"g"}}
		q.PutLines([]byte("first\n"), 1, to, false)
		q.Save()
		b, _ := q.Take()
		id := b.ID()
		q.LetGo(b)
		for range 10 { // it leaves memory
			q.PutLines([]byte(strings.Repeat("x", 500)+"\n"), 1, to, false)
			q.Save()
		}
		d.set(nil, errors.New("bad sector"))
		began := time.Now()
		var r Rereader
		for {
			b, err := q.TakeAgain(id, &r)
			if err == nil && b == nil {
				break
			}
			if time.Since(began) > time.Minute {
				t.Fatal("it is tried for ever")
			}
			time.Sleep(time.Second)
		}
		if q.behind() != nil {
			t.Error("the spool is still in use")
		}
	})
}

// TestAdoptUnreadable: a record that another process has left and that nobody can decode is counted once, and does not stay.
func TestAdoptUnreadable(t *testing.T) {
	dir := t.TempDir()
	q := mustOpen(t, Config{Lines: true, Spool: dir, Slots: 2})
	slot := filepath.Join(dir, "1")
	left, _, err := spool.Open(spool.Config{Dir: slot})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(left.Append(spool.Record{ID: 7, Lines: 7, Data: []byte("?")}), left.Close()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		q.adopt(t.Context())
	}
	if n := q.Dropped(DropDamage); n != 7 {
		t.Errorf("%d lines are lost, want 7", n)
	}
	if !spool.Empty(fsutil.OS{}, slot) {
		t.Error("the record is still there")
	}
	if q.adopt(t.Context()) {
		t.Error("there is another slot to adopt")
	}
	if err := q.Close(); err != nil {
		t.Error(err)
	}
}
