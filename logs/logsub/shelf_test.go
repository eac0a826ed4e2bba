package logsub

import (
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/logs/logpub"
)

// TestWrittenShelfFull: two groups without log hosts fill queue and spool before the publisher knows that
// they have none. Their lines share blocks. Once one of them has a log host, its lines arrive, those in
// the spool and new ones, although the lines of the other group stay.
func TestWrittenShelfFull(t *testing.T) {
	h := newLogHosts(t, func(c *logpub.Config) {
		c.Route, c.SpoolBytes, c.QueueBytes, c.BlockTime = &logpub.Route{Field: 2, Prefix: "n"}, logpub.MinSpoolBytes, 1<<20, -1
	})
	fill, fed := strings.Repeat("x", 1000), 0
	feed := func() {
		h.feed <- fmt.Sprintf("line 1 %d %s\nline 2 %d %s\n", fed, fill, fed, fill)
		fed++
	}
	for fed < 2000 {
		feed()
	}
	testkit.Wait(t, "silent groups", func() bool { st := h.pub.Stats(); return st.Unheard == st.Waiting && st.Unheard > 0 })
	sent := func() int {
		for _, g := range h.pub.Stats().Groups {
			if g.Groups == "n2" {
				return int(g.Sent)
			}
		}
		return 0
	}
	l := h.start("log1", t.TempDir(), func(c *Config) { c.Connections[0].Logs[0].Group = "n2" })
	defer func() {
		if t.Failed() {
			t.Logf("%d of %d lines: %+v\n%s", lineCount(t, l.file), sent(), h.pub.Stats(), &h.log)
		}
	}()
	kept := sent()
	testkit.Wait(t, "what was kept", func() bool { return lineCount(t, l.file) >= kept })
	testkit.Wait(t, "new lines", func() bool {
		feed()
		time.Sleep(10 * time.Millisecond) //house:sleep the first of them have no room yet
		return lineCount(t, l.file) > kept+10
	})
	testkit.Wait(t, "the rest", func() bool {
		st := h.pub.Stats()
		return int64(lineCount(t, l.file)) == st.Sent && st.QueueBytes == 0
	})
	checkSpoolSize(t, h.pub)
	if err := h.close(); err != nil {
		t.Error(err)
	}
}

// checkSpoolSize checks that a publisher's spool is within the limit that [logpub.Config.SpoolBytes] states.
func checkSpoolSize(t *testing.T, p *logpub.Publisher) {
	t.Helper()
	if st := p.Stats(); st.SpoolBytes > st.SpoolLimit+st.QueueLimit+st.SpoolLimit/4 {
		t.Errorf("the spool has %d bytes, of %d", st.SpoolBytes, st.SpoolLimit)
	}
}

// hangingDisk is a disk whose files take nothing while gate is locked.
type hangingDisk struct {
	fsutil.OS
	gate sync.RWMutex
}

type hangingFile struct {
	fsutil.File
	d *hangingDisk
}

func (d *hangingDisk) OpenFile(path string, flag int, perm fs.FileMode, devices bool) (fsutil.File, error) {
	d.gate.RLock()
	defer d.gate.RUnlock()
	f, err := d.OS.OpenFile(path, flag, perm, devices)
	if err != nil {
		return nil, err
	}
	return hangingFile{f, d}, nil
}

func (f hangingFile) WriteAt(b []byte, off int64) (int, error) {
	f.d.gate.RLock()
	defer f.d.gate.RUnlock()
	return f.File.WriteAt(b, off)
}

// TestWrittenSpoolHangs: a disk of the spool that hangs holds up no line that is in memory, while lines of another group are on their
// way to the shelf.
func TestWrittenSpoolHangs(t *testing.T) {
	d := &hangingDisk{}
	h := newLogHosts(t, func(c *logpub.Config) { c.Route, c.Disk = &logpub.Route{Field: 2, Prefix: "n"}, d })
	l := h.start("log1", t.TempDir(), func(c *Config) { c.Connections[0].Logs[0].Group = "n1" })
	live := 0
	send := func(n int) {
		for range n {
			h.feed <- fmt.Sprintf("line 2 %d\nline 1 %d\n", live, live)
			live++
			testkit.Wait(t, "the line of the live group", func() bool { return lineCount(t, l.file) == live })
		}
	}
	send(1)
	testkit.Wait(t, "a shelf", func() bool {
		st := h.pub.Stats()
		return st.Unheard == 1 && st.QueueBytes == 0
	})
	d.gate.Lock()
	send(3 * 64) // more than may be on their way
	d.gate.Unlock()
	testkit.Wait(t, "that the lines of one group are acknowledged, and those of the other wait", func() bool {
		st := h.pub.Stats()
		return st.Sent == int64(live) && st.Waiting == int64(live)
	})
	if err := h.close(); err != nil {
		t.Error(err)
	}
}
