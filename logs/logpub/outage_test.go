package logpub

import (
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/spread"
)

// TestAwayAtStart: lines wait for a daemon that comes late, and it is not asked too
// often.
func TestAwayAtStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fakeDaemon{down: true}
		var log logBuffer
		p := newPublisher(t, &d, func(c *Config) { c.Log = log.logger() })
		r, w := io.Pipe()
		ended := make(chan error)
		go func() { ended <- p.Run(t.Context(), r) }()
		lines := numbered(1, 1000)
		for _, l := range lines {
			if _, err := io.WriteString(w, l); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(10 * time.Minute)
		if n := len(d.dials()); n < 120 || n > 260 {
			t.Errorf("%d attempts in ten minutes, want one each 2.5 to 5 s", n)
		}
		d.setDown(false)
		time.Sleep(5 * time.Second)
		if got := d.got(); !slices.Equal(got, lines) {
			t.Errorf("%d lines arrived of %d", len(got), len(lines))
		}
		_ = w.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if log.count("will keep retrying") != 1 || log.count("msg=connected") != 1 {
			t.Errorf("the log says:\n%s", &log)
		}
	})
}

// TestLost: a session breaks in the middle of a block, which the next one sends from
// its beginning.
func TestLost(t *testing.T) {
	lines := numbered(1, 10)
	for _, keep := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			d := fakeDaemon{breakAt: 5, keep: keep}
			var log logBuffer
			p := newPublisher(t, &d, func(c *Config) { c.Log = log.logger() })
			if err := p.Run(t.Context(), strings.NewReader(strings.Join(lines, ""))); err != nil {
				t.Fatal(err)
			}
			want := lines
			if keep { // the daemon has seen four lines already
				want = slices.Concat(lines[:4], lines)
			}
			if got := d.got(); !slices.Equal(got, want) {
				t.Errorf("arrived: %q, want %q", got, want)
			}
			if st := p.Stats(); st.Resent != 4 || st.Sent != 10 || st.Connects != 2 {
				t.Errorf("stats are %+v", st)
			}
			checkSums(t, p)
			if log.count("lost the connection") != 1 || log.count("connected again") != 1 || log.count("away=") != 1 {
				t.Errorf("the log says:\n%s", &log)
			}
		})
	}
}

// TestEndNoticed: the end of a session is noticed while there is nothing to send.
func TestEndNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d fakeDaemon
		p := newPublisher(t, &d, nil)
		r, w := io.Pipe()
		ended := make(chan error)
		go func() { ended <- p.Run(t.Context(), r) }()
		synctest.Wait()
		d.last().Kill()
		time.Sleep(50 * time.Millisecond)
		synctest.Wait()
		if n := p.Stats().Connects; n != 2 {
			t.Errorf("%d sessions, want a second one", n)
		}
		_ = w.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestQueueFull: without a daemon the writer waits once for BlockTime and then no
// more; the oldest lines are kept; when the daemon is back new lines pass again.
func TestQueueFull(t *testing.T) {
	for block, want := range map[time.Duration]time.Duration{0: DefaultBlockTime, -1: 0, 7 * time.Second: 7 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			d := fakeDaemon{down: true}
			var log logBuffer
			p := newPublisher(t, &d, func(c *Config) { c.QueueBytes, c.BlockTime, c.Log = 4096, block, log.logger() })
			r, w := io.Pipe()
			ended := make(chan error)
			go func() { ended <- p.Run(t.Context(), r) }()
			// The last write returns when the one before has been dealt with.
			began := time.Now()
			lines := numbered(1, 2000)
			for _, l := range lines {
				if _, err := io.WriteString(w, l); err != nil {
					t.Fatal(err)
				}
			}
			if waited := time.Since(began); waited != want {
				t.Errorf("the writer waited for %v, want %v", waited, want)
			}
			d.setDown(false)
			time.Sleep(5 * time.Second)
			kept := d.got()
			if len(kept) < 300 || !slices.Equal(kept, lines[:len(kept)]) {
				t.Errorf("%d lines were kept, or not the oldest", len(kept))
			}
			if n := p.Stats().Dropped["queue_full"]; n != int64(len(lines)-len(kept)) {
				t.Errorf("%d lines dropped, want %d", n, len(lines)-len(kept))
			}
			_, _ = io.WriteString(w, "again\n")
			_ = w.Close()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			if got := d.got(); got[len(got)-1] != "again\n" {
				t.Errorf("the last line is %q", got[len(got)-1])
			}
			checkSums(t, p)
			if log.count("dropping lines") != 1 {
				t.Errorf("the log says:\n%s", &log)
			}
		})
	}
}

// TestShortStall: a daemon that pauses for less than BlockTime costs no line.
func TestShortStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d fakeDaemon
		p := newPublisher(t, &d, func(c *Config) { c.QueueBytes = 2048 })
		release := d.stall()
		time.AfterFunc(DefaultBlockTime-1, release)
		lines := numbered(1, 2000)
		if err := p.Run(t.Context(), strings.NewReader(strings.Join(lines, ""))); err != nil {
			t.Fatal(err)
		}
		if got := d.got(); !slices.Equal(got, lines) {
			t.Errorf("%d lines arrived of %d: %+v", len(got), len(lines), p.Stats())
		}
	})
}

// TestDropLog: drops are logged once an interval, and their numbers add up.
func TestDropLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fakeDaemon{down: true}
		var log logBuffer
		p := newPublisher(t, &d, func(c *Config) {
			c.QueueBytes, c.BlockTime, c.StatsInterval, c.Log = 512, -1, -1, log.logger()
		})
		r, w := io.Pipe()
		ended := make(chan error)
		go func() { ended <- p.Run(t.Context(), r) }()
		for range 35 {
			_, _ = io.WriteString(w, strings.Repeat("x", 400)+"\n")
			time.Sleep(time.Second)
		}
		if n := log.count("dropping lines"); n != 4 {
			t.Errorf("%d lines about drops in 35 s:\n%s", n, &log)
		}
		time.Sleep(dropInterval)
		total := int64(0)
		for _, m := range regexp.MustCompile(` dropped=(\d+) `).FindAllStringSubmatch(log.String(), -1) {
			n, err := strconv.ParseInt(m[1], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			total += n
		}
		if n := p.Stats().Dropped["queue_full"]; n != 34 || total != n {
			t.Errorf("%d lines dropped, want 34; the log says %d:\n%s", n, total, &log)
		}
		_ = w.Close()
		<-ended
	})
}

// TestStatsLog: counters are logged once an interval while lines come.
func TestStatsLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d fakeDaemon
		var log logBuffer
		p := newPublisher(t, &d, func(c *Config) { c.Log = log.logger() })
		r, w := io.Pipe()
		ended := make(chan error)
		go func() { ended <- p.Run(t.Context(), r) }()
		_, _ = io.WriteString(w, "a\nb\n")
		time.Sleep(time.Hour)
		if log.count("msg=running took=2 sent=2 dropped=0 truncated=0") != 1 || log.count("msg=running") != 1 {
			t.Errorf("the log says:\n%s", &log)
		}
		_ = w.Close()
		<-ended
	})
}

// TestRejected: lines that the daemon's policy returns are counted, and logged once per
// session.
func TestRejected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d fakeDaemon
		var log logBuffer
		p := newPublisher(t, &d, func(c *Config) { c.Log = log.logger() })
		r, w := io.Pipe()
		ended := make(chan error)
		go func() { ended <- p.Run(t.Context(), r) }()
		synctest.Wait()
		for range 3 {
			d.last().events <- &spread.Rejected{Request: spread.RequestMulticast}
		}
		synctest.Wait()
		if n := p.Stats().Rejected; n != 3 || log.count("rejects our lines") != 1 {
			t.Errorf("%d rejected, the log says:\n%s", n, &log)
		}
		_ = w.Close()
		<-ended
	})
}
