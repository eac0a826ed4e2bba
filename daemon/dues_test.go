package daemon

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/wire"
)

func TestDues(t *testing.T) {
	const second = clock.Time(time.Second)
	var d dues
	now := 10 * second
	for _, tt := range []struct {
		after time.Duration // since the step before
		bytes int64
		want  time.Duration
	}{
		{0, viewRate, 0}, // the burst
		{0, viewRate / 2, 500 * time.Millisecond},
		{200 * time.Millisecond, 0, 300 * time.Millisecond},
		{time.Second, 0, 0},
		{time.Hour, viewRate, 0}, // not more than the burst is saved up
		{0, viewRate / 4, 250 * time.Millisecond},
		{time.Hour, 1 << 62, maxWait - viewBurst},
		{0, 1 << 62, 2*maxWait - viewBurst},
	} {
		now = now.Add(tt.after)
		d.add(now, tt.bytes)
		if got := d.wait(now); got != tt.want {
			t.Errorf("%d bytes after %v: a wait of %v, want %v", tt.bytes, tt.after, got, tt.want)
		}
	}
}

// largeGroup connects the members of a group.
func largeGroup(t *testing.T, d *Daemon, members int) {
	t.Helper()
	for i := range members {
		c := connect(t, d, 1, fmt.Sprintf("m%d", i), 0)
		c.write(c.request(wire.Join, nil, "large"))
	}
	testkit.Wait(t, "the members", func() (all bool) {
		d.call(func(o *owner) { all = o.engine.Groups().LocalMembers(wire.MakeName("large")) == members })
		return all
	})
}

// churn returns the requests of a client that joins and leaves the large group again and again.
func churn(c *rawClient, pairs int) (b []byte) {
	for range pairs {
		b = append(b, c.request(wire.Join, nil, "large")...)
		b = append(b, c.request(wire.Leave, nil, "large")...)
	}
	return b
}

// TestDelay: a client that joins and leaves a large group without pause has to wait. It loses nothing,
// and others do not wait with it.
func TestDelay(t *testing.T) {
	d := start(t, testConfig(t, "alpha", alphaID))
	const members, pairs = 400, 12
	largeGroup(t, d, members)
	watch := connect(t, d, 1, "watch", wire.FlagMembership)
	watch.join("large")
	c := connect(t, d, 1, "churn", 0)
	b := append(churn(c, pairs), c.request(wire.FIFO, []byte("last"), "large")...)
	c.write(append(b, c.request(wire.Kill, nil, string(c.private.Bytes()))...))
	testkit.Wait(t, "the client to wait", func() bool { return d.Stats().Delays > 0 })
	other := connect(t, d, 1, "other", wire.FlagMembership)
	other.join("small")
	for i := range 2 * pairs {
		m := watch.message()
		if want := [...]wire.Type{wire.CausedByJoin, wire.CausedByLeave}[i%2]; m.Type != wire.RegularMembership|want {
			t.Fatalf("view %d is %v", i, m.Type)
		}
	}
	if m := watch.message(); string(m.Payload) != "last" {
		t.Errorf("%v %q follows, want the last message", m.Type, m.Payload)
	}
	if n := d.Stats().Sessions.Discarded; n != 0 {
		t.Errorf("%d messages were discarded", n)
	}
}

// TestDebtorLeaves: the name of a client that has to wait and closes its connection is soon free. What
// it has sent besides joins and leaves is delivered.
func TestDebtorLeaves(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the end of a connection is seen behind all data only on Linux")
	}
	d := start(t, testConfig(t, "alpha", alphaID))
	const members, pairs = 400, 200
	largeGroup(t, d, members)
	watch := connect(t, d, 1, "watch", wire.FlagMembership)
	watch.join("seen")
	c := connect(t, d, 1, "churn", 0)
	c.write(append(churn(c, pairs), c.request(wire.FIFO, []byte("last"), "seen")...))
	testkit.Wait(t, "the client to wait", func() bool { return d.Stats().Delays > 0 })
	began := time.Now()
	_ = c.conn.Close()
	if m := watch.message(); string(m.Payload) != "last" {
		t.Errorf("%v %q follows, want the last message", m.Type, m.Payload)
	}
	testkit.Wait(t, "the name", func() bool {
		taken := false
		d.call(func(o *owner) {
			for _, other := range o.clients { //house:ordered any of them
				taken = taken || other.Group() == c.private
			}
		})
		return !taken
	})
	// All requests together cost a minute.
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("the name is free after %v", took)
	}
}

// TestOriginDues: sessions of one origin together, and one after the other, get no more than an origin.
// Another origin does not wait, and neither does one whose debt is over, which is forgotten.
func TestOriginDues(t *testing.T) {
	const second = clock.Time(time.Second)
	o := owner{origins: make(originDues)}
	now := 100 * second
	here, there := origin{user: "one"}, origin{user: "two"}
	wait := func(from origin) time.Duration { return o.owes(&client{from: from}, now) }
	o.origins.add(here, now, 4*originRate) // the burst
	if w := wait(here); w != 0 {
		t.Errorf("after the burst: %v", w)
	}
	o.origins.add(here, now, originRate)
	if w := wait(here); w != time.Second {
		t.Errorf("after a second more: %v", w)
	}
	if w := wait(there); w != 0 {
		t.Errorf("another origin waits for %v", w)
	}
	if w := o.owes(&client{from: here, slow: true}, now); w != 0 {
		t.Errorf("a client that is being disconnected waits for %v", w)
	}
	for range 100 {
		o.origins.add(here, now, 1<<50)
	}
	if w := wait(here); w != maxWait {
		t.Errorf("after the ends of many sessions: %v", w)
	}
	now = now.Add(5 * time.Second)
	for i := range 3 * maxOrigins {
		o.origins.add(origin{user: fmt.Sprint(i)}, now, 1)
	}
	if n := len(o.origins); n > maxOrigins {
		t.Errorf("%d origins are remembered", n)
	}
	if w := wait(here); w != 5*time.Second {
		t.Errorf("with many origins: %v", w)
	}
}

// TestManySessions: who connects anew for each join and leave of a large group waits as one that stays.
func TestManySessions(t *testing.T) {
	d := start(t, testConfig(t, "alpha", alphaID))
	const members = 400
	largeGroup(t, d, members)
	for i := 0; d.Stats().Delays == 0; i++ {
		c := connect(t, d, 1, fmt.Sprintf("c%d", i), wire.FlagMembership)
		c.join("large")
		c.write(c.request(wire.Kill, nil, string(c.private.Bytes())))
		if i > 1000 {
			t.Fatal("1000 sessions join and end, and none waits")
		}
	}
}
