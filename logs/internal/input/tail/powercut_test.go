//go:build unix

package tail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/internal/testkit/crashfs"
)

// powerCut is a taker on a disk that crashes, on which a web server writes a log. With each call, the
// lines of the call before become safe.
type powerCut struct {
	d    *crashfs.Disk
	f    *Follower
	most int // lines that are written

	written int // lines in the log
	taken   []string
	marked  int // of taken, those of the last call
	safe    int // of taken
	saved   bool
	again   bool // it is a check, which makes nothing safe, because it may crash
}

// log writes another line, which no power cut takes.
func (p *powerCut) log() error {
	f, err := p.d.OpenFile("/log/access.log", os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600, false)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("line %d\n", p.written+1)
	if p.again {
		text = "\n" + text // the line before may be torn
	}
	_, err = io.WriteString(f, text)
	if err = errors.Join(err, f.Sync(), p.d.SyncDir("/log"), f.Close()); err == nil {
		p.written++
	}
	return err
}

// Take implements Taker.
func (p *powerCut) Take(_ *LineNames, lines []byte) (int, uint64) {
	p.saved = p.saved || p.f.Saved()
	if !p.again {
		p.safe, p.marked = p.marked, len(p.taken)
	}
	for line := range strings.Lines(string(lines)) {
		p.taken = append(p.taken, line)
	}
	return len(lines), uint64(len(p.taken))
}

// Safe implements Taker.
func (p *powerCut) Safe() uint64 { return uint64(p.safe) }

// follow follows until all lines are taken.
func (p *powerCut) follow(d *crashfs.Disk) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	p.d = d
	if err := errors.Join(fsutil.MkdirAll(d, "/log", 0o700), p.log()); err != nil {
		return err
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		defer cancel()
		defer func() { _ = recover() }() // a crash, which ends the follower, too
		for p.written < p.most && p.log() == nil {
			time.Sleep(137 * time.Millisecond) //house:sleep in a bubble
		}
		time.Sleep(time.Second) //house:sleep in a bubble
	})
	var err error
	if p.f, err = New(Config{Path: "/log/access.log", State: "/var/logpub", Disk: d}); err != nil {
		return err
	}
	err = p.f.Run(ctx, p)
	p.f.Close()
	return err
}

// check starts again: what was not safe comes again, once a position was saved.
func (p *powerCut) check(d *crashfs.Disk, _ bool) error {
	next := &powerCut{again: true, written: p.written, most: p.written + 3}
	if err := next.follow(d); err != nil || !p.saved || len(p.taken) == 0 {
		return err
	}
	came := make(map[string]bool)
	for _, line := range append(p.taken[:p.safe:p.safe], next.taken...) {
		came[line] = true
	}
	first := 0 // the ones before were there at the start
	if _, err := fmt.Sscanf(p.taken[0], "line %d", &first); err != nil {
		return err
	}
	for n := first; n <= next.written; n++ {
		if line := fmt.Sprintf("line %d\n", n); !came[line] {
			return fmt.Errorf("%q is lost: %d lines were safe of %d, and then came %q", line, p.safe, len(p.taken), next.taken)
		}
	}
	return nil
}

// TestPowerCut crashes the disk at each step of a follower and of the web server whose log it follows.
// Lines that are not safe come again.
func TestPowerCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		crashfs.Explore(t, 5, func() crashfs.Work {
			p := &powerCut{most: 24}
			return crashfs.Work{Check: p.check, Run: func(d *crashfs.Disk) {
				if err := p.follow(d); err != nil {
					t.Error(err)
				}
			}}
		})
	})
}

// TestPositionPowerCut: a position that was saved is not lost to an older one. With that, lines would come
// again that log hosts have had for long, under other numbers.
func TestPositionPowerCut(t *testing.T) {
	d := crashfs.New()
	err := errors.Join(d.MkdirAll("/state", 0o700), d.SyncDir("/"))
	for _, position := range []string{"one", "two"} {
		err = errors.Join(err, writeState(d, "/state/x.pos", []byte(position)))
	}
	if err != nil {
		t.Fatal(err)
	}
	all := make(crashfs.Cut, 100)
	for i := range all {
		all[i] = true
	}
	if b, err := d.After(all).ReadFile("/state/x.pos"); string(b) != "two" {
		t.Errorf("the position after a power cut is %q, %v", b, err)
	}
}
