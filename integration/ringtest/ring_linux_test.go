package ringtest

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/spreadd/spreadd/integration/harness"
	"github.com/spreadd/spreadd/integration/netns"
	"github.com/spreadd/spreadd/internal/testkit"
)

// ring is a network with a daemon and a client on each host.
type ring struct {
	*network
	setting
	t       testing.TB
	conf    string
	binary  string
	within  *faults // faults that the daemons make, or nil
	started int

	daemons []*process
	clients []*client
	past    []*client // of daemons that were killed
	serial  int
}

// way is the kind of address by which the daemons of a segment reach one another.
type way int

const (
	multicast way = iota
	broadcast
	unicast // each daemon has a segment of its own
	multicast6
)

// setting describes a ring and its network.
type setting struct {
	networks    []int // hosts in each
	way         way
	listed      bool // whether the configuration has interface lists
	accelerated bool
	timers      string // lines of spread.conf; if empty, timeouts
	faults      faults
	peers       []int  // hosts with a C daemon
	prefix      string // command that starts the daemons
	reloads     bool   // whether the test reloads the configuration, which faulty daemons cannot
	out         []int  // hosts that are not in the configuration
	// args, if not nil, returns further arguments of the daemon on a host.
	args func(number int) []string
}

// addr returns the address of a host's daemon.
func (s *setting) addr(h *host) netip.Addr {
	if s.way == multicast6 {
		return h.addr6
	}
	return h.addr
}

// segment returns the address of a host's segment, with its port.
func (s *setting) segment(h *host) string {
	switch s.way {
	case multicast:
		return fmt.Sprintf("239.78.0.%d:4803", h.net)
	case broadcast:
		return fmt.Sprintf("10.78.%d.255:4803", h.net)
	case unicast:
		return fmt.Sprintf("%v:4803", h.addr)
	case multicast6:
		return fmt.Sprintf("[ff02::78:%d]:4803", h.net)
	default:
		panic(s.way)
	}
}

// newRing starts the daemons and their clients, and waits until all are together.
func newRing(t testing.TB, binary string, s setting) *ring {
	t.Helper()
	r := newDaemons(t, binary, s)
	for i := range r.hosts {
		r.connect(i + 1)
	}
	r.together("all", r.all()...)
	return r
}

// newDaemons starts the daemons without clients.
func newDaemons(t testing.TB, binary string, s setting) *ring {
	t.Helper()
	r := &ring{network: newNetwork(t, s.networks...), setting: s, t: t, binary: binary}
	f := s.faults
	if f != (faults{}) && !r.netem(f) {
		r.lose(int(1000 * f.Loss))
		if (f.Duplicate > 0 || f.Delay > 0) && !s.reloads {
			f.Loss = 0 // that is done
			r.within = &f
		}
	}
	r.conf = filepath.Join(t.TempDir(), "spread.conf")
	if err := os.WriteFile(r.conf, []byte(conf(r.network, s)), 0o644); err != nil {
		t.Fatal(err)
	}
	r.daemons = make([]*process, len(r.hosts))
	r.clients = make([]*client, len(r.hosts))
	for i, h := range r.hosts {
		r.daemons[i] = r.start(h)
	}
	return r
}

// connect starts a client on a host.
func (r *ring) connect(number int) {
	r.t.Helper()
	r.serial++
	r.clients[number-1] = newClient(r.t, r.hosts[number-1], r.addr(r.hosts[number-1]), fmt.Sprintf("host %d, client %d", number, r.serial))
}

// all returns the numbers of all hosts.
func (r *ring) all() []int {
	var all []int
	for _, h := range r.hosts {
		all = append(all, h.number)
	}
	return all
}

// without returns the numbers of all hosts except some.
func (r *ring) without(some ...int) []int {
	return slices.DeleteFunc(r.all(), func(n int) bool { return slices.Contains(some, n) })
}

// together waits until the clients of these hosts, and no others, are in one view, and each has
// received messages of its own in it.
func (r *ring) together(what string, numbers ...int) {
	r.t.Helper()
	began := time.Now()
	var want []string
	for _, i := range numbers {
		want = append(want, r.clients[i-1].rec.name)
	}
	testkit.Wait(r.t, fmt.Sprintf("a view of hosts %v (%s)", numbers, what), func() bool {
		return !slices.ContainsFunc(numbers, func(i int) bool { return !slices.Equal(r.clients[i-1].members(), want) })
	})
	view := time.Since(began)
	// So that there is traffic in each view.
	r.progress(40, numbers...)
	r.t.Logf("%s: hosts %v together after %v, messages after %v", what, numbers, view.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
}

// progress waits until each client of these hosts has received that many more messages of its own.
func (r *ring) progress(messages int, numbers ...int) {
	r.t.Helper()
	start := make(map[int]int)
	for _, i := range numbers {
		start[i] = r.clients[i-1].progress()
	}
	if !harness.Reach(r.t, fmt.Sprintf("messages of each of hosts %v", numbers), int64(messages), func() int64 {
		least := messages
		for _, i := range numbers {
			least = min(least, r.clients[i-1].progress()-start[i])
		}
		return int64(least)
	}) {
		r.t.FailNow()
	}
}

// crash kills the daemon of a host, which ends the connection of its client.
func (r *ring) crash(number int) {
	r.t.Helper()
	c := r.clients[number-1]
	c.mu.Lock()
	c.ending, c.rec.killed = true, true
	c.mu.Unlock()
	r.daemons[number-1].Kill()
	<-c.received
	<-c.sent
	r.past = append(r.past, c)
}

// restart starts the daemon again, and a new client of the same name.
func (r *ring) restart(number int) {
	r.t.Helper()
	r.daemons[number-1] = r.start(r.hosts[number-1])
	r.connect(number)
}

// pause suspends the daemon of a host or resumes it.
func (r *ring) pause(number int, on bool) {
	r.t.Helper()
	sig := syscall.SIGCONT
	if on {
		sig = syscall.SIGSTOP
	}
	if err := r.daemons[number-1].Cmd.Process.Signal(sig); err != nil {
		r.t.Fatal(err)
	}
}

// finish has the clients send for a little longer, waits until all have received everything, stops
// the ring and checks the records.
func (r *ring) finish() {
	r.t.Helper()
	for _, c := range r.clients {
		c.mu.Lock()
		c.settle = true
		c.mu.Unlock()
	}
	r.together("at last", r.all()...)
	// The last number of a sender does not prove that all have arrived, because a reliable message
	// may overtake others. So they are counted: all of one's own, and those of all after the last
	// fault.
	from, want := make(map[string]int), make(map[string]int)
	for _, c := range r.clients {
		close(c.stop)
		<-c.sent
		from[c.rec.id], want[c.rec.id] = c.rec.settled, c.rec.sent-c.rec.settled+1
	}
	testkit.Wait(r.t, "all messages at all clients", func() bool {
		for _, c := range r.clients {
			got := c.settled(from)
			for id, n := range want {
				if got[id] < n {
					return false
				}
			}
			if c.progress() < c.rec.sent {
				return false
			}
		}
		return true
	})
	var all []*record
	messages, views := 0, 0
	for _, c := range slices.Concat(r.clients, r.past) {
		c.mu.Lock()
		c.ending = true
		for _, v := range c.violation {
			r.t.Error(v)
		}
		for _, e := range c.rec.events {
			if e.membership == nil {
				messages++
			} else {
				views++
			}
		}
		all = append(all, &c.rec)
		c.mu.Unlock()
	}
	for _, c := range r.clients {
		_ = c.conn.Close()
		<-c.received
	}
	for _, v := range violations(all) {
		r.t.Error(v)
	}
	r.t.Logf("%d clients got %d messages and %d memberships", len(all), messages, views)
	for _, d := range r.daemons {
		d.stop()
	}
}

// TestRings takes rings through losses, crashes and partitions.
func TestRings(t *testing.T) {
	netns.Require(t)
	t.Parallel()
	binary := buildDaemon(t)
	bad := faults{Seed: 1, Loss: 0.02, Duplicate: 0.02, Delay: 0.1, MaxDelay: 4 * time.Millisecond}
	lossy := faults{Loss: 0.05}
	leaky := faults{Loss: 0.02} // for rings in which a token has a long way
	for _, tt := range []struct {
		name string
		setting
		story func(*ring)
	}{
		{"3 hosts, multicast", setting{networks: []int{3}}, crashes},
		{"3 hosts, multicast, lossy", setting{networks: []int{3}, faults: lossy}, partitions},
		{"3 hosts, broadcast, listed, lossy", setting{networks: []int{3}, way: broadcast, listed: true, faults: lossy}, crashes},
		{"3 hosts, IPv6, bad", setting{networks: []int{3}, way: multicast6, faults: bad}, partitions},
		{"3 hosts, unicast, accelerated, bad", setting{networks: []int{3}, way: unicast, accelerated: true, faults: bad}, crashes},
		{"5 hosts, multicast, listed, accelerated, bad", setting{networks: []int{5}, listed: true, accelerated: true, faults: bad}, partitions},
		{"5 hosts, 2 networks, lossy", setting{networks: []int{3, 2}, faults: lossy}, networks},
		{"5 hosts, 2 networks, accelerated, bad", setting{networks: []int{2, 3}, accelerated: true, faults: bad}, crashes},
		{"8 hosts, multicast, accelerated, leaky", setting{networks: []int{8}, accelerated: true, faults: leaky}, crashes},
		{"8 hosts, unicast, bad", setting{networks: []int{8}, way: unicast, faults: bad}, partitions},
		{"8 hosts, 2 networks, bad", setting{networks: []int{4, 4}, faults: bad}, networks},
		{"8 hosts, 2 networks, unicast, leaky", setting{networks: []int{3, 5}, way: unicast, faults: leaky}, networks},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRing(t, binary, tt.setting)
			tt.story(r)
			r.finish()
		})
	}
}

// crashes: the leader crashes and restarts; the last daemon crashes and restarts before the others
// have noticed; two crash and restart together; one is suspended until the others have formed a
// ring without it.
func crashes(r *ring) {
	n := len(r.hosts)
	r.crash(1)
	r.together("leader dead", r.without(1)...)
	r.restart(1)
	r.together("leader back", r.all()...)

	r.crash(n)
	r.restart(n)
	r.together("quick restart", r.all()...)

	r.crash(2)
	r.crash(3)
	if n > 3 {
		r.together("two dead", r.without(2, 3)...)
	}
	r.restart(2)
	r.restart(3)
	r.together("two back", r.all()...)

	r.pause(2, true)
	r.together("one stands still", r.without(2)...)
	r.pause(2, false)
	r.together("it goes on", r.all()...)
}

// partitions: the network is partitioned in two rings, which merge again; a daemon crashes in a
// partition; a host is deaf for a while.
func partitions(r *ring) {
	n := len(r.hosts)
	island := []int{1, n}
	r.isolate(island...)
	r.together("island", island...)
	r.together("mainland", r.without(island...)...)
	r.heal(island...)
	r.together("healed", r.all()...)

	island = []int{2}
	r.isolate(island...)
	r.together("alone", 2)
	r.crash(3)
	r.together("mainland, one dead", r.without(2, 3)...)
	r.heal(island...)
	r.restart(3)
	r.together("healed and back", r.all()...)

	r.deafen(n, true)
	r.together("deaf", n)
	r.deafen(n, false)
	r.together("no longer deaf", r.all()...)
}

// networks: the router stops and continues; the leaders of both segments crash at once; the router
// stops again, and meanwhile a daemon is cut off from its network.
func networks(r *ring) {
	n := len(r.hosts)
	var first, second []int
	for _, h := range r.hosts {
		if h.net == 1 {
			first = append(first, h.number)
		} else {
			second = append(second, h.number)
		}
	}
	r.route(false)
	r.together("network 1 alone", first...)
	r.together("network 2 alone", second...)
	r.route(true)
	r.together("router back", r.all()...)

	r.crash(first[0])
	r.crash(second[0])
	r.together("leaders dead", r.without(first[0], second[0])...)
	r.restart(first[0])
	r.restart(second[0])
	r.together("leaders back", r.all()...)

	r.route(false)
	r.isolate(n)
	r.together("cut off", n)
	r.together("network 1 alone again", first...)
	r.route(true)
	r.heal(n)
	r.together("healed", r.all()...)
}
