//go:build unix

package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/internal/testkit/crashfs"
)

// openPowerCut opens a queue in a slot of a shared spool.
func openPowerCut(d *crashfs.Disk) (*Queue, error) {
	return Open(Config{Lines: true, Origin: Origin{Publisher: "p"}, Spool: "/spool", Slots: 2, SpoolAfter: time.Hour, LimitBytes: 64 << 10, Disk: d})
}

// TestPowerCut crashes the disk at each step of two queues, of which one adopts what the other has
// left. A line that Save has made durable stays in a slot until it is delivered, whoever has it.
func TestPowerCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { crashfs.Explore(t, 10, func() crashfs.Work { return adopting(t) }) })
}

// adopting is a run of TestPowerCut.
func adopting(t *testing.T) crashfs.Work {
	saved := 0 // lines
	run := func(d *crashfs.Disk) error {
		mine, err := openPowerCut(d)
		if err != nil {
			return err
		}
		other, err := openPowerCut(d)
		if err != nil {
			return err
		}
		to := &Target{Groups: []string{"g"}}
		for n := range 4 {
			if rest := other.PutLines(fmt.Appendf(nil, "line %d\n", n), 1, to, false); len(rest) > 0 {
				return errors.New("the queue is full")
			}
			other.Save()
			saved = n + 1
		}
		if err := other.Close(); err != nil {
			return err
		}
		ended, end := context.WithCancel(context.Background())
		end()
		mine.adopt(ended)
		_, err = mine.saveDue(0)
		for _, a := range mine.adopted {
			err = errors.Join(err, mine.settle(a))
		}
		return errors.Join(err, mine.Close())
	}
	check := func(d *crashfs.Disk, _ bool) error { return areLeft(d, saved) }
	return crashfs.Work{Check: check, Run: func(d *crashfs.Disk) {
		if err := run(d); err != nil {
			t.Error(err)
		}
	}}
}

// areLeft checks that the first saved lines are on a disk, in one of two slots.
func areLeft(d *crashfs.Disk, saved int) error {
	var left strings.Builder
	for range 2 { // slots
		q, err := openPowerCut(d)
		if err != nil {
			return err
		}
		for b, _ := q.Take(); b != nil; b, _ = q.Take() {
			left.Write(b.Data)
			q.LetGo(b)
		}
	}
	for n := range saved {
		if line := fmt.Sprintf("line %d\n", n); !strings.Contains(left.String(), line) {
			return fmt.Errorf("%q is lost; left are %q", line, left.String())
		}
	}
	return nil
}

// TestPowerCutMoved crashes the disk at each step of a queue of which one line, that is not delivered, is put again behind others so
// that its block can go.
func TestPowerCutMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { crashfs.Explore(t, 10, func() crashfs.Work { return moving(t) }) })
}

// moving is a run of TestPowerCutMoved.
func moving(t *testing.T) crashfs.Work {
	saved := false
	run := func(d *crashfs.Disk) error {
		q, err := openPowerCut(d)
		if err != nil {
			return err
		}
		to := &Target{Groups: []string{"g"}}
		q.PutLines([]byte("kept\n"), 1, to, false)
		q.Save()
		saved = true
		b, _ := q.Take()
		id, ok := q.PutBlock(b)
		if !ok {
			return errors.New("no room")
		}
		from := b.ID()
		q.LetGo(b)
		if _, err := q.saveDue(0); err != nil {
			return err
		}
		q.Sync()
		if q.Durable() < id {
			return nil // nor is it let go
		}
		q.Pass(from, 0, 0)
		q.Sync()
		return q.Close()
	}
	check := func(d *crashfs.Disk, _ bool) error {
		q, err := openPowerCut(d)
		if err != nil {
			return err
		}
		for b, _ := q.Take(); b != nil; b, _ = q.Take() {
			if string(b.Data) == "kept\n" {
				return nil
			}
			q.LetGo(b)
		}
		if saved {
			return errors.New("the line is lost")
		}
		return nil
	}
	return crashfs.Work{Check: check, Run: func(d *crashfs.Disk) {
		if err := run(d); err != nil {
			t.Error(err)
		}
	}}
}

// TestPowerCutShelf crashes the disk at each step of a queue whose lines go to the shelf and come back.
func TestPowerCutShelf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { crashfs.Explore(t, 10, func() crashfs.Work { return shelving(t) }) })
}

// shelving is a run of TestPowerCutShelf.
func shelving(t *testing.T) crashfs.Work {
	saved := 0
	run := func(d *crashfs.Disk) error {
		q, err := openPowerCut(d)
		if err != nil {
			return err
		}
		to := &Target{Groups: []string{"g"}}
		for n := range 3 {
			q.PutLines(fmt.Appendf(nil, "line %d\n", n), 1, to, false)
			q.Save()
			saved = n + 1
			b, _ := q.Take()
			on, err := q.Shelf().Put(b)
			if err != nil {
				return err
			}
			from := b.ID()
			q.LetGo(b)
			q.Sync()
			if q.Shelf().Safe(on) {
				q.Pass(from, 0, 0)
				q.Shelf().Moved(1)
			}
		}
		for n := range 3 {
			b, err := q.Shelf().Next()
			if err != nil {
				return err
			}
			var block uint64
			if n == 1 {
				err = q.Shelf().PutAgain(b, &Block{})
			} else {
				block, _ = q.PutBlock(b)
			}
			if err != nil {
				return err
			}
			q.Shelf().Gave(block)
			if n == 1 {
				q.Save()
			}
			if err := q.Shelf().Settle(); err != nil {
				return err
			}
		}
		if lines, _ := q.Shelf().Waiting(); lines != 1 {
			t.Errorf("%d lines are only on the shelf, want 1", lines)
		}
		return q.Close()
	}
	check := func(d *crashfs.Disk, _ bool) error { return areLeft(d, saved) }
	return crashfs.Work{Check: check, Run: func(d *crashfs.Disk) {
		if err := run(d); err != nil {
			t.Error(err)
		}
	}}
}
