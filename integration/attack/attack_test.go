package attack

import (
	"context"
	"encoding/binary"
	"os"
	"testing"
	"time"

	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/daemon/localring"
	"github.com/spreadd/spreadd/daemon/localring/localringtest"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/spread"
)

// maxDelay is the bar for what a bystander may notice of an attack by a client.
const maxDelay = 500 * time.Millisecond

// pace is the time between two messages of the bystander, watch for how long it is watched without an
// attack, and after one.
const (
	pace  = 5 * time.Millisecond
	watch = 300 * time.Millisecond
)

// large reports whether the attacks have their full size.
func large() bool { return os.Getenv("SPREADD_ATTACK") == "large" }

// size returns the size of an attack.
func size(small, full int) int {
	if large() {
		return full
	}
	return small
}

// target is a ring of three under attack. The bystander sends at a and receives at c.
type target struct {
	t       *testing.T
	ring    *localringtest.Ring
	daemons []*localring.Daemon
	rings   []int64 // how many rings each daemon has installed

	bystanders uint64 // how many have been
}

// newTarget starts a ring. One that may not break waits as long for a token as daemons do by default, so that
// a busy machine does not break it.
func newTarget(t *testing.T, breaks bool, change func(cfg *daemon.Config)) *target {
	t.Helper()
	patience := "TokenTimeout = 5000\n"
	if breaks {
		patience = ""
	}
	r := localringtest.Open(t, localring.Config{
		Names: []string{"a", "b", "c"}, Options: patience,
		Change: func(_ string, cfg *daemon.Config) {
			cfg.Engine.MaxSessionGroups = 200_000
			if change != nil {
				change(cfg)
			}
		},
	})
	g := &target{t: t, ring: r, daemons: r.StartAll()}
	for _, d := range g.daemons {
		g.rings = append(g.rings, d.Stats().Ring.Status.Ring.MembershipChanges)
	}
	return g
}

// sameRing checks that no daemon has left its ring.
func (g *target) sameRing() {
	g.t.Helper()
	for i, d := range g.daemons {
		if n := d.Stats().Ring.Status.Ring.MembershipChanges - g.rings[i]; n != 0 {
			g.t.Errorf("daemon %s has changed its ring %d times: %s", d.Name, n, d.Change())
		}
	}
}

// dial connects a client to a daemon for the time of the test.
func (g *target) dial(d *localring.Daemon, opts ...spread.Option) *spread.Conn {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(g.t.Context(), testkit.Patience)
	defer cancel()
	c, err := spread.Dial(ctx, d.Address(), opts...)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(c.Kill)
	return c
}

func (g *target) join(c *spread.Conn, groups ...string) {
	g.t.Helper()
	for _, name := range groups {
		if err := c.Join(g.t.Context(), name); err != nil {
			g.t.Fatal(err)
		}
	}
}

// noticed is what a bystander has noticed.
type noticed struct {
	sent, lost int
	delay      time.Duration // the largest
}

// bystander sends messages at the first daemon and receives them at the last one until stop is called,
// which waits for what is on its way.
func (g *target) bystander() (stop func() noticed) {
	g.t.Helper()
	from, to := g.dial(g.daemons[0]), g.dial(g.daemons[2], spread.WithMembership(true))
	g.join(to, "bystander")
	if _, err := to.Receive(g.t.Context()); err != nil { // its own join
		g.t.Fatal(err)
	}
	// An earlier bystander may still send a message when this one begins, so each marks its own.
	g.bystanders++
	mark := g.bystanders
	began := time.Now()
	end, done := make(chan struct{}), make(chan struct{})
	sent := make(chan int, 1)
	go func() {
		n, ending := 0, end
		count := func() {
			if ending != nil {
				sent <- n
				ending = nil
			}
		}
		defer count()
		tick := time.NewTicker(pace)
		defer tick.Stop()
		for {
			select {
			case <-ending:
				count()
			case <-done:
				return
			case <-tick.C:
				b := binary.LittleEndian.AppendUint64(nil, mark)
				if ending != nil { // Without a time it only says that no earlier one is on its way.
					b = binary.LittleEndian.AppendUint64(b, uint64(time.Since(began)))
					n++
				}
				if from.Multicast(g.t.Context(), spread.Agreed, 0, b, "bystander") != nil || from.Flush(g.t.Context()) != nil {
					return
				}
			}
		}
	}()
	var got int
	var longest time.Duration
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			ev, err := to.Receive(g.t.Context())
			if err != nil {
				return
			}
			m, ok := ev.(*spread.Message)
			switch {
			case !ok || binary.LittleEndian.Uint64(m.Payload) != mark:
			case len(m.Payload) == 8:
				return
			default:
				got++
				longest = max(longest, time.Since(began)-time.Duration(binary.LittleEndian.Uint64(m.Payload[8:])))
			}
		}
	}()
	return func() noticed {
		close(end)
		n := <-sent
		select {
		case <-ended:
		case <-time.After(testkit.Patience):
			g.t.Fatal("no message of the bystander arrives any more")
		}
		close(done)
		to.Kill()
		return noticed{sent: n, lost: n - got, delay: longest}
	}
}

// attack is one attack.
type attack struct {
	name string
	// before, if not nil, prepares it, while nobody watches.
	before func(g *target)
	// by makes it. It returns when it is over.
	by func(g *target)
	// change, if not nil, changes the configuration of the daemons.
	change func(cfg *daemon.Config)
	// breaks says that the attack may end the ring, as long as a new one forms, in which nothing is lost.
	// What is sent while the daemons are apart is only for those that are in the sender's ring.
	breaks bool
}

// run shows what a bystander notices of each attack, beside what it notices without one.
func run(t *testing.T, attacks []attack) {
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			if !large() {
				t.Parallel() // Delays are not compared then, and rings mostly wait when they form.
			}
			g := newTarget(t, a.breaks, a.change)
			if a.before != nil {
				a.before(g)
			}
			stop := g.bystander()
			time.Sleep(watch) //house:sleep a bystander is watched for some time
			before := stop()
			stop = g.bystander()
			a.by(g)
			time.Sleep(watch) //house:sleep what an attack leaves behind may show later
			during := stop()
			t.Logf("without: delay %v, lost %d of %d; with: delay %v, lost %d of %d",
				before.delay, before.lost, before.sent, during.delay, during.lost, during.sent)
			if a.breaks && !t.Failed() {
				ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
				defer cancel()
				if err := g.ring.Await(ctx); err != nil {
					t.Fatal(err)
				}
				stop = g.bystander()
				time.Sleep(watch) //house:sleep a bystander is watched for some time
				during = stop()
			}
			if during.lost > 0 {
				t.Errorf("the bystander has lost %d of %d messages", during.lost, during.sent)
			}
			if !a.breaks {
				g.sameRing()
				if large() && during.delay > max(maxDelay, 2*before.delay) {
					t.Errorf("a message of the bystander took %v, without the attack %v", during.delay, before.delay)
				}
			}
			for _, d := range g.daemons {
				if st := d.Stats(); st.Memory > st.MaxMemory {
					t.Errorf("daemon %s uses %d bytes for messages, and may use %d", d.Name, st.Memory, st.MaxMemory)
				}
			}
		})
	}
}
