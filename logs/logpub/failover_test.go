package logpub

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/internal/envelope"
)

// TestFailover: when a daemon dies the next one gets the lines, and when the first is back
// it has them again, without a line lost or repeated.
func TestFailover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d fakeDaemon
		set := func(address string, gone bool) {
			d.mu.Lock()
			defer d.mu.Unlock()
			if d.gone == nil {
				d.gone = make(map[string]bool)
			}
			d.gone[address] = gone
			if gone && len(d.sessions) > 0 {
				if s := d.sessions[len(d.sessions)-1]; s.address == address {
					s.end()
				}
			}
		}
		var log logBuffer
		p := newPublisher(t, &d, func(c *Config) {
			c.Address, c.Fallbacks, c.Log = "1@a", []string{"2@b", "3@c"}, log.logger()
		})
		write, end := piped(t, p)
		step := func(want string, from, to int) {
			t.Helper()
			write(numbered(from, to))
			time.Sleep(100 * time.Millisecond)
			if s := d.last(); s.address != want || len(d.got()) != to {
				t.Errorf("%d lines arrived over %s, want %d over %s", len(d.got()), s.address, to, want)
			}
		}
		step("1@a", 1, 10)
		set("1@a", true)
		step("2@b", 11, 20)
		set("2@b", true)
		step("3@c", 21, 30)
		set("2@b", false)
		time.Sleep(time.Minute)
		step("3@c", 31, 40)
		set("1@a", false)
		time.Sleep(DefaultReturnInterval)
		step("1@a", 41, 50)
		if err := end(); err != nil {
			t.Error(err)
		}
		if got := d.got(); !slices.Equal(got, numbered(1, 50)) {
			t.Errorf("arrived: %q", got)
		}
		if log.count("returning to it") != 1 {
			t.Errorf("the log says:\n%s", &log)
		}
		checkSums(t, p)
	})
}

// TestStall: a daemon that takes nothing is left for the next one, if there is one.
func TestStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d fakeDaemon
		release := d.stall()
		p := newPublisher(t, &d, func(c *Config) { c.Address, c.Fallbacks, c.ReturnInterval = "1@a", []string{"2@b"}, -1 })
		write, end := piped(t, p)
		write(numbered(1, 10))
		time.Sleep(DefaultStallTime - time.Second)
		if s := d.last(); s.address != "1@a" {
			t.Errorf("it has moved to %s already", s.address)
		}
		time.Sleep(DefaultStallTime/4 + time.Second)
		if s := d.last(); s.address != "2@b" {
			t.Errorf("it is still at %s", s.address)
		}
		release()
		if err := end(); err != nil {
			t.Error(err)
		}
		if got := d.got(); !slices.Equal(got, numbered(1, 10)) {
			t.Errorf("arrived: %q", got)
		}
	})
}

// TestConfirm: what a daemon took and did not deliver is sent again, if it has to be
// confirmed, and lost otherwise.
func TestConfirm(t *testing.T) {
	for _, level := range []Delivery{Sent, Ordered} {
		synctest.Test(t, func(t *testing.T) {
			var d fakeDaemon
			p := newPublisher(t, &d, func(c *Config) { c.Delivery = level })
			write, end := piped(t, p)
			write(numbered(1, 10))
			time.Sleep(time.Second)
			d.mu.Lock()
			d.forget = true
			d.mu.Unlock()
			write(numbered(11, 20))
			time.Sleep(time.Second)
			d.setDown(true)
			d.mu.Lock()
			d.forget = false
			d.mu.Unlock()
			d.setDown(false)
			write(numbered(21, 30))
			time.Sleep(10 * time.Second)
			if err := end(); err != nil {
				t.Error(err)
			}
			want := numbered(1, 30)
			if level == Sent {
				want = slices.Delete(want, 10, 20)
			}
			if got := d.got(); !slices.Equal(got, want) {
				t.Errorf("%v: arrived: %q", level, got)
			}
			checkSums(t, p)
		})
	}
}

// TestConfirmMany: more blocks than may be unconfirmed.
func TestConfirmMany(t *testing.T) {
	lines := numbered(1, 50_000)
	var d fakeDaemon
	p := newPublisher(t, &d, func(c *Config) { c.Delivery, c.QueueBytes, c.BlockTime = Ordered, 64<<10, time.Hour })
	if err := p.Run(t.Context(), strings.NewReader(strings.Join(lines, ""))); err != nil {
		t.Error(err)
	}
	if got := d.got(); !slices.Equal(got, lines) {
		t.Errorf("%d lines arrived", len(got))
	}
	checkSums(t, p)
}

// TestEnvelope: lines have numbers by stream, over drops, restarts and processes.
func TestEnvelope(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := fakeDaemon{down: true}
		configure := func(c *Config) {
			spooling(dir)(c)
			c.Plain, c.Publisher, c.Route, c.Delivery = false, "web", &Route{Field: 1}, Ordered
		}
		first := newPublisher(t, &d, configure)
		if err := first.Run(t.Context(), strings.NewReader("a 0\nb 0\na 1\n\na 2\n")); err != nil {
			t.Error(err)
		}
		d.setDown(false)
		second := newPublisher(t, &d, configure)
		if err := second.Run(t.Context(), strings.NewReader("b 0\na 0\n")); err != nil {
			t.Error(err)
		}
		type id struct {
			epoch       uint64
			group, line string
		}
		var got []id
		for i, message := range d.got() {
			var h envelope.Header
			lines, err := h.Decode([]byte(message))
			if err != nil || h.Publisher != "web" {
				t.Fatalf("%+v, %q: %v", h, message, err)
			}
			if len(lines) > 1 && int(lines[2]-'0') != int(h.Seq) {
				t.Errorf("line %q has the number %d", lines, h.Seq)
			}
			got = append(got, id{h.Epoch, d.targets[i], string(lines)})
		}
		e, f := got[0].epoch, got[len(got)-1].epoch
		if e >= f {
			t.Error("the second epoch is not above the first")
		}
		want := []id{{e, "[a]", "a 0\n"}, {e, "[b]", "b 0\n"}, {e, "[a]", "a 1\n"}, {e, "[g]", "\n"}, {e, "[a]", "a 2\n"}, {f, "[b]", "b 0\n"}, {f, "[a]", "a 0\n"}}
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

// TestEnvelopeGap: lines that were dropped have numbers.
func TestEnvelopeGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fakeDaemon{down: true}
		p := newPublisher(t, &d, func(c *Config) { c.Plain, c.BatchBytes, c.QueueBytes, c.BlockTime = false, -1, 2048, -1 })
		write, end := piped(t, p)
		write(numbered(0, 999))
		d.setDown(false)
		time.Sleep(10 * time.Second)
		write(numbered(1000, 1000))
		if err := end(); err != nil {
			t.Error(err)
		}
		for _, m := range d.got() {
			var h envelope.Header
			lines, err := h.Decode([]byte(m))
			if err != nil || string(lines) != numbered(int(h.Seq), int(h.Seq))[0] {
				t.Fatalf("line %q has the number %d, %v", lines, h.Seq, err)
			}
		}
		if n := len(d.got()); n > 900 || n < 50 {
			t.Errorf("%d lines arrived", n)
		}
	})
}
