package integration

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const mixedPort = 4803

// mixedTimeouts are in force at all daemons: the default ones make a run take
// minutes, mostly of waiting for lookups.
const mixedTimeouts = `
TokenTimeout = 1500
HurryTimeout = 400
AliveTimeout = 150
JoinTimeout = 150
RepTimeout = 400
SegTimeout = 300
GatherTimeout = 900
FormTimeout = 900
LookupTimeout = 3000
`

// labs counts the labs of this process, for the names of their namespaces.
var labs atomic.Int32

// lab is some hosts in network namespaces, with a daemon each. Each segment has a
// bridge and a net of its own; the hub routes between them. A partition takes hosts to
// a second hub that is equal to the first.
//
//	hub 0: 10.99.1.254 ── bridge ── 10.99.1.1, 10.99.1.2 …     (first segment)
//	       10.99.2.254 ── bridge ── 10.99.2.4, 10.99.2.5 …     (second)
//	hub 1: the same addresses, no host unless the net is parted
type lab struct {
	t     testing.TB
	dir   string
	peer  string // the C daemon
	ours  string // folder of our programs
	conf  string // what all configuration files have in common
	hubs  [2]string
	hosts []*host

	mu      sync.Mutex
	members []*member
}

// host is a network namespace with a daemon.
type host struct {
	name    string // of the daemon: g… ours, c… the C daemon
	peer    bool
	segment int // from 1
	addr    string
	ns      string
	port    string // its end of the cable at the hub
	hub     int
	daemon  *process
	member  *member
	lives   int // clients it had
}

// shape is a ring to be tried.
type shape struct {
	kinds    string // a letter for each host, G for our daemon and C for the other; the first one leads
	segments int
	// ring is the value of AcceleratedRing: "true", "false", or "" for none.
	ring      string
	multicast bool // segments have multicast addresses, else broadcast ones
	v6        bool // so they are of IPv6, and multicast in any case
	defaults  bool // no timeouts are set
}

func (s shape) String() string {
	name := fmt.Sprintf("%s in %d, ring %q", s.kinds, s.segments, s.ring)
	if s.multicast {
		name += ", multicast"
	}
	if s.v6 {
		name += ", IPv6"
	}
	if s.defaults {
		name += ", default timeouts"
	}
	return name
}

// addr returns the address of a host, or of the router if it is 254.
func (s shape) addr(segment, host int) string {
	if s.v6 {
		return fmt.Sprintf("fd99:%d::%x", segment, host)
	}
	return fmt.Sprintf("10.99.%d.%d", segment, host)
}

// all returns the address of all hosts of a segment, with the port.
func (s shape) all(segment int) string {
	switch {
	case s.v6:
		return fmt.Sprintf("[ff02::99:%d]:%d", segment, mixedPort)
	case s.multicast:
		return fmt.Sprintf("239.99.0.%d:%d", segment, mixedPort)
	}
	return fmt.Sprintf("10.99.%d.255:%d", segment, mixedPort)
}

// give gives an interface an address.
func (l *lab) give(ns, dev string, s shape, addr string) {
	l.t.Helper()
	if s.v6 {
		l.ip("-n", ns, "addr", "add", addr+"/64", "dev", dev, "nodad")
		return
	}
	l.ip("-n", ns, "addr", "add", addr+"/24", "brd", "+", "dev", dev)
}

// newLab builds a net.
func newLab(t testing.TB, peer, ours string, s shape) *lab {
	t.Helper()
	dir := t.TempDir()
	l := &lab{t: t, dir: dir, peer: peer, ours: ours}
	prefix := fmt.Sprintf("spreadd-mixed-%d-%d-", os.Getpid(), labs.Add(1))
	for i := range l.hubs {
		hub := prefix + fmt.Sprint("hub", i)
		l.hubs[i] = hub
		l.namespace(hub)
		for g := 1; g <= s.segments; g++ {
			br := fmt.Sprint("br", g)
			l.ip("-n", hub, "link", "add", br, "address", fmt.Sprintf("02:00:00:00:00:0%d", g), "type", "bridge", "mcast_snooping", "0")
			l.give(hub, br, s, s.addr(g, 254))
			l.ip("-n", hub, "link", "set", br, "up")
		}
		var err error
		inside(hub, func() {
			err = errors.Join(os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644),
				os.WriteFile("/proc/sys/net/ipv6/conf/all/forwarding", []byte("1"), 0o644))
		}, &err)
		if err != nil {
			t.Fatal(err)
		}
	}
	var conf strings.Builder
	perSegment := (len(s.kinds) + s.segments - 1) / s.segments
	for i, kind := range s.kinds {
		h := &host{peer: kind == 'C', segment: 1 + i/perSegment}
		h.name = fmt.Sprintf("%c%d", kind|0x20, i+1)
		h.addr = s.addr(h.segment, i+1)
		h.ns = prefix + h.name
		h.port = fmt.Sprint("p", i+1)
		l.hosts = append(l.hosts, h)
		l.namespace(h.ns)
		l.ip("link", "add", "ring0", "netns", h.ns, "type", "veth", "peer", "name", h.port, "netns", l.hubs[0])
		l.give(h.ns, "ring0", s, h.addr)
		l.ip("-n", h.ns, "link", "set", "lo", "up")
		l.ip("-n", h.ns, "link", "set", "ring0", "up")
		family := "-4"
		if s.v6 {
			family = "-6"
		}
		l.ip("-n", h.ns, family, "route", "add", "default", "via", s.addr(h.segment, 254), "dev", "ring0")
		l.plug(h, 0)

		if i%perSegment == 0 {
			if i > 0 {
				conf.WriteString("}\n")
			}
			fmt.Fprintf(&conf, "Spread_Segment %s {\n", s.all(h.segment))
		}
		fmt.Fprintf(&conf, "\t%s %s\n", h.name, h.addr)
	}
	conf.WriteString("}\nDaemonUser = root\nDaemonGroup = root\nRuntimeDir = /\nSocketPortReuse = on\nMaxSessionMessages = 30000\n")
	conf.WriteString("EventTimeStamp = \"[%a %d %b %Y %H:%M:%S]\"\nEventPreciseTimeStamp\n")
	if s.ring != "" {
		fmt.Fprintf(&conf, "AcceleratedRing = %s\n", s.ring)
	}
	if !s.defaults {
		conf.WriteString(mixedTimeouts)
	}
	l.conf = conf.String()
	if err := os.Mkdir(filepath.Join(dir, "tmp"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		for _, m := range l.members {
			t.Logf("%s: sent %d, marks %d, view %v, ended %v, failure %v", m.name, m.sent, len(m.marks), m.view(), m.ended, m.failure())
		}
		for _, h := range l.hosts {
			if h.peer {
				t.Logf("%s logged:\n%s", h.name, tail(readFile(t, filepath.Join(dir, h.name+".log")), 40))
			}
		}
	})
	return l
}

// tail returns the last lines of a text.
func tail(s string, n int) string {
	lines := strings.SplitAfter(s, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "")
}

func (l *lab) ip(args ...string) {
	l.t.Helper()
	if out, err := exec.CommandContext(l.t.Context(), "ip", args...).CombinedOutput(); err != nil {
		l.t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

func (l *lab) namespace(name string) {
	l.t.Helper()
	l.ip("netns", "add", name)
	l.t.Cleanup(func() {
		// The context of the test has ended by now.
		if out, err := exec.Command("ip", "netns", "del", name).CombinedOutput(); err != nil {
			l.t.Errorf("removing namespace %s: %v: %s", name, err, out)
		}
	})
}

// plug puts a host's cable into a hub.
func (l *lab) plug(h *host, hub int) {
	l.t.Helper()
	if h.hub != hub {
		l.ip("-n", l.hubs[h.hub], "link", "set", h.port, "netns", l.hubs[hub])
		h.hub = hub
	}
	l.ip("-n", l.hubs[hub], "link", "set", h.port, "master", fmt.Sprint("br", h.segment), "up")
}

// lose lets each host lose some of what arrives for its daemon: three packets of a
// hundred, and one token of five hundred. A lost token costs a HurryTimeout.
func (l *lab) lose(on bool) {
	l.t.Helper()
	rules := "delete table inet loss"
	if on {
		rules = fmt.Sprintf(`table inet loss {
	chain input {
		type filter hook input priority 0
		udp dport %d numgen random mod 100 < 3 drop
		udp dport %d numgen random mod 500 < 1 drop
	}
}`, mixedPort, mixedPort+1)
	}
	for _, h := range l.hosts {
		if out, err := exec.CommandContext(l.t.Context(), "ip", "netns", "exec", h.ns, "nft", rules).CombinedOutput(); err != nil {
			l.t.Fatalf("nft %s: %v: %s", rules, err, out)
		}
	}
}

// start starts the daemon of a host.
func (l *lab) start(h *host) {
	l.t.Helper()
	if h == l.hosts[0] && h.peer {
		// A C leader that comes back before its clock has passed its old ids uses
		// them again (membership-protocol §7.1).
		l.await("the leader's clock to pass its ids", func() bool { return time.Now().Unix() > l.lastID() }, func() string { return "" })
	}
	conf := l.conf
	if h.peer {
		conf += "EventLogFile = " + filepath.Join(l.dir, h.name+".log") + "\n"
	}
	file := writeFile(l.t, filepath.Join(l.dir, h.name+".conf"), conf)
	if h.peer {
		// It puts a socket into /tmp, where those of its kind would take it from
		// each other: each gets a /tmp of its own.
		h.daemon = launch(l.t, "ip", "netns", "exec", h.ns, "sh", "-c",
			`cd "$3" && cp "$1" "$2.bin" && mount --bind tmp /tmp && exec "./$2.bin" -n "$2" -c "$2.conf" >"$2.out"`, "sh", l.peer, h.name, l.dir)
	} else {
		h.daemon = launch(l.t, "ip", "netns", "exec", h.ns, filepath.Join(l.ours, "spreadd"), "-n", h.name, "-c", file, "-socket-dir", "")
	}
	h.daemon.name = h.name
}

// kill ends a daemon without a word, and with it its client.
func (l *lab) kill(h *host) {
	l.t.Helper()
	l.alive(h)
	h.member.end()
	if err := h.daemon.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		l.t.Fatalf("%s: %v", h.name, err)
	}
	<-h.daemon.done
	<-h.member.done
	h.member.conn.Kill()
	h.member, h.daemon = nil, nil
}

// alive checks that a daemon has not ended by itself.
func (l *lab) alive(h *host) {
	l.t.Helper()
	if h.daemon == nil {
		return
	}
	select {
	case err := <-h.daemon.done:
		h.daemon.done <- err
		l.t.Fatalf("daemon %s has ended: %v", h.name, err)
	default:
	}
}

// await waits for a condition. Meanwhile all daemons must live and all clients be
// content. state says how far things are, if the wait is in vain.
func (l *lab) await(what string, cond func() bool, state func() string) {
	l.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(2 * patience)
	for !cond() {
		for _, h := range l.hosts {
			l.alive(h)
			if h.member != nil {
				if err := h.member.failure(); err != nil {
					l.t.Fatal(err)
				}
			}
		}
		select {
		case <-tick.C:
		case <-limit:
			l.t.Fatalf("waited in vain for %s\n%s", what, state())
		}
	}
}

// agree waits until the clients of each hub are in one view of the room, which has
// them and the others.
func (l *lab) agree(when string, others ...string) {
	l.t.Helper()
	var state string
	l.await("equal views "+when, func() bool {
		state = ""
		good := true
		for hub := range l.hubs {
			var want []string
			for _, h := range l.hosts {
				if h.hub == hub && h.member != nil {
					want = append(want, h.member.name)
				}
			}
			want = append(want, others...)
			slices.Sort(want)
			var first *host
			for _, h := range l.hosts {
				if h.hub != hub || h.member == nil {
					continue
				}
				v := h.member.view()
				state += fmt.Sprintf("%s: %v, expected %v\n", h.name, v, want)
				if v == nil || !slices.Equal(slices.Sorted(slices.Values(v.Members)), want) {
					good = false
					continue
				}
				if first == nil {
					first = h
				}
				good = good && v.ID == first.member.view().ID
			}
		}
		return good
	}, func() string { return state })
}

// installed is what our daemons log of a new ring, with the time in its id.
var installed = regexp.MustCompile(`membership installed id="\(-?\d+, (\d+)\)"`)

// lastID returns the highest time in the ids of the rings that our daemons are in. (That
// in the views' ids can be lower: a group that nobody left keeps its id.)
func (l *lab) lastID() int64 {
	var last int64
	for _, h := range l.hosts {
		if h.peer || h.daemon == nil {
			continue
		}
		for _, m := range installed.FindAllStringSubmatch(h.daemon.output.String(), -1) {
			if n, err := strconv.ParseInt(m[1], 10, 64); err == nil {
				last = max(last, n)
			}
		}
	}
	return last
}

// nameOf returns the private group of a member.
func (l *lab) nameOf(i int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i < 0 || i >= len(l.members) {
		return ""
	}
	return l.members[i].name
}

// traffic lets all clients send with a pause after each message until the returned
// function is called, which waits until each has all of its own messages back.
func (l *lab) traffic(pause time.Duration) (stop func()) {
	quit := make(chan struct{})
	var wg sync.WaitGroup
	for _, h := range l.hosts {
		if m := h.member; m != nil {
			wg.Go(func() { m.sendUntil(l.t, quit, 1<<30, pause) })
		}
	}
	return func() {
		l.t.Helper()
		close(quit)
		wg.Wait()
		l.calm()
	}
}

// calm waits until nothing is under way any more: each client has its own messages
// back, and the clients of each hub end with the same message.
func (l *lab) calm() {
	l.t.Helper()
	var state string
	l.await("all that was sent", func() bool {
		state = ""
		good := true
		var last [len(l.hubs)]map[int]uint32
		for _, h := range l.hosts {
			m := h.member
			if m == nil {
				continue
			}
			if n := len(m.free); n < outstanding {
				state += fmt.Sprintf("%s misses %d of its own messages\n", h.name, outstanding-n)
				good = false
			}
			got := m.since()
			if last[h.hub] == nil {
				last[h.hub] = got
			} else if fmt.Sprint(got) != fmt.Sprint(last[h.hub]) {
				state += fmt.Sprintf("%s ends with %v, others with %v\n", h.name, got, last[h.hub])
				good = false
			}
		}
		return good
	}, func() string { return state })
}

// check is for the end: daemons stop in order, and what the clients saw holds.
func (l *lab) check() {
	l.t.Helper()
	for _, h := range l.hosts {
		l.alive(h)
	}
	var hs []*history
	for _, m := range l.members {
		if err := m.failure(); err != nil {
			l.t.Error(err)
		}
		m.mu.Lock()
		h := *m.history
		h.marks = slices.Clone(h.marks) // those of now
		m.mu.Unlock()
		hs = append(hs, &h)
	}
	for _, h := range l.hosts {
		h.member.end()
	}
	for _, h := range l.hosts {
		if err := h.member.conn.Close(); err != nil {
			l.t.Error(err)
		}
		<-h.member.done
	}
	for _, h := range l.hosts {
		if h.peer {
			err := h.daemon.cmd.Process.Kill()
			if err != nil && !errors.Is(err, os.ErrProcessDone) {
				l.t.Error(err)
			}
			<-h.daemon.done
			continue
		}
		h.daemon.stop()
		for line := range strings.Lines(h.daemon.output.String()) {
			if strings.Contains(line, " ERROR ") || strings.Contains(line, " WARN ") {
				l.t.Logf("%s: %s", h.name, line)
			}
		}
	}
	if err := checkHistories(hs); err != nil {
		l.t.Error(err)
	}
}

// since returns the highest number of each sender's ordered messages in the present
// view.
func (m *member) since() map[int]uint32 {
	m.mu.Lock()
	defer m.mu.Unlock()
	last := make(map[int]uint32)
	for i := len(m.marks) - 1; i >= 0 && (m.marks[i].view == nil || !m.marks[i].view.Regular()); i-- {
		if k := m.marks[i]; k.view == nil && ordered(k.service) {
			last[k.id.sender] = max(last[k.id.sender], k.id.seq)
		}
	}
	return last
}
