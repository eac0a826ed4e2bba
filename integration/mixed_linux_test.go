package integration

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spreadd/spreadd/spread"
)

// peerVariable names the C daemon that TestMixedRing runs ours with.
const peerVariable = "SPREAD_PEER"

// shapes returns the rings to be tried: each row of kinds for 3 and for 5 hosts that has
// both, so that each host of each mix leads once, with one segment and two, and with
// the original and the accelerated ring; then some of other kinds.
func shapes() []shape {
	var all []shape
	for _, n := range []int{3, 5} {
		for bits := 1; bits < 1<<n-1; bits++ {
			kinds := []byte(strings.Repeat("G", n))
			for i := range n {
				if bits>>i&1 == 1 {
					kinds[i] = 'C'
				}
			}
			for _, segments := range []int{1, 2} {
				all = append(all,
					shape{kinds: string(kinds), segments: segments, ring: "false"},
					shape{kinds: string(kinds), segments: segments, ring: "true", multicast: true})
			}
		}
	}
	for _, kinds := range []string{"CGG", "GCC", "CGCG"} {
		all = append(all,
			shape{kinds: kinds, segments: len(kinds), ring: "false"}, // nothing but unicast
			shape{kinds: kinds, segments: len(kinds), ring: "true"},
			shape{kinds: kinds, segments: 1, ring: "false", v6: true},
			shape{kinds: kinds, segments: 2, ring: "true", v6: true},
			shape{kinds: kinds, segments: 1, defaults: true},
			shape{kinds: kinds, segments: 2, defaults: true})
	}
	return all
}

// TestMixedRing runs our daemon in rings with C daemons, each host in a network
// namespace. It is optional: it needs a C daemon, which is not part of this project.
func TestMixedRing(t *testing.T) {
	peer := os.Getenv(peerVariable)
	if peer == "" {
		t.Skipf("set %s to the path of a Spread 5.0.1 daemon to run ours in rings with it; needs root and iproute2", peerVariable)
	}
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root: run this test with sudo")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("ip is not installed: apt-get install iproute2")
	}
	ours := build(t, "spreadd")
	for _, s := range shapes() {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			mixedRing(t, newLab(t, peer, ours, s))
		})
	}
}

// mixedRing takes a ring through its life.
func mixedRing(t *testing.T, l *lab) {
	step := func(format string, args ...any) func() {
		what := fmt.Sprintf(format, args...)
		began := time.Now()
		return func() { t.Logf("%-40s %5.1f s", what, time.Since(began).Seconds()) }
	}

	done := step("forming the ring")
	for _, h := range l.hosts {
		l.start(h)
	}
	for _, h := range l.hosts {
		l.connect(h)
	}
	l.agree("at the start")
	done()

	const each = 1500
	done = step("%d messages from each at full speed", each)
	var wg sync.WaitGroup
	for _, h := range l.hosts {
		wg.Go(func() { h.member.send(t, each) })
	}
	wg.Wait()
	l.calm()
	for _, h := range l.hosts {
		l.await("all messages at "+h.name, func() bool { return h.member.messages() == each*len(l.hosts) },
			func() string { return fmt.Sprintf("it has %d of %d", h.member.messages(), each*len(l.hosts)) })
	}
	done()

	done = step("joins and leaves")
	stop := l.traffic(2 * time.Millisecond)
	for i, h := range l.hosts {
		l.comeAndGo(h, i%2 == 0)
	}
	stop()
	done()

	for _, peer := range []bool{l.hosts[0].peer, !l.hosts[0].peer} {
		h := l.hosts[slices.IndexFunc(l.hosts, func(h *host) bool { return h.peer == peer })]
		done = step("killing and restarting %s", h.name)
		stop = l.traffic(time.Millisecond)
		l.kill(h)
		l.agree("without " + h.name)
		l.start(h)
		l.connect(h)
		l.agree("with " + h.name + " again")
		stop()
		done()
	}

	for _, peer := range []bool{true, false} {
		h := l.last(peer)
		done = step("killing %s and restarting it at once", h.name)
		stop = l.traffic(time.Millisecond)
		l.kill(h)
		l.start(h)
		l.connect(h)
		l.agree("with " + h.name + " again")
		stop()
		done()
	}

	if _, err := exec.LookPath("nft"); err == nil {
		done = step("loss of packets")
		l.lose(true)
		for _, h := range l.hosts {
			wg.Go(func() { h.member.send(t, each/3) })
		}
		wg.Wait()
		l.calm()
		stop = l.traffic(0)
		for _, peer := range []bool{true, false} {
			h := l.last(peer)
			l.kill(h)
			l.agree("without " + h.name)
			l.start(h)
			l.connect(h)
			l.agree("with " + h.name + " again")
		}
		stop()
		l.lose(false)
		done()
	} else {
		t.Log("nothing is lost on purpose: nft is not installed (Debian: apt-get install nftables)")
	}

	away := l.parted()
	done = step("many groups")
	home := l.hosts[slices.IndexFunc(l.hosts, func(h *host) bool { return !slices.Contains(away, h) })]
	crowd := []*spread.Conn{l.dial(home, "crowd"), l.dial(away[0], "crowd")}
	for _, c := range crowd {
		joinMany(t, c)
	}
	for _, c := range crowd {
		awaitMany(t, c, crowd, spread.CauseJoin)
	}
	done()

	done = step("partition")
	stop = l.traffic(time.Millisecond)
	for _, h := range away {
		l.plug(h, 1)
	}
	l.agree("of both parts")
	done()
	done = step("merge")
	for _, h := range away {
		l.plug(h, 0)
	}
	l.agree("after the merge")
	stop()
	for _, c := range crowd {
		awaitMany(t, c, crowd, spread.CauseNetwork)
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	done()

	if _, ok := stock(l.peer, "spflooder"); ok {
		done = step("stock clients")
		l.flood(t)
		l.talk(t)
		done()
	}
	l.check()
}

// many is how many groups the crowd is in: with their members, more than two messages of
// the groups' exchange can tell (groups-protocol §7.4).
const many = 2500

func joinMany(t *testing.T, c *spread.Conn) {
	t.Helper()
	for i := range many {
		if err := c.Join(t.Context(), fmt.Sprintf("crowd%04d", i)); err != nil {
			t.Fatal(err)
		}
	}
}

// awaitMany waits until a connection has a view of the cause with all of crowd in each of
// the groups.
func awaitMany(t *testing.T, c *spread.Conn, crowd []*spread.Conn, cause spread.Cause) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	full := make(map[string]bool)
	for len(full) < many {
		ev, err := c.Receive(ctx)
		if err != nil {
			t.Fatalf("%s has whole views of %d groups, then %v", c.PrivateGroup(), len(full), err)
		}
		if m, ok := ev.(*spread.Membership); ok && m.Cause == cause && len(m.Members) == len(crowd) {
			full[m.Group] = true
		}
	}
}

// messages returns how many messages a member has got.
func (m *member) messages() (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range m.marks {
		if k.view == nil {
			n++
		}
	}
	return n
}

// parted returns the hosts to be cut off: every other one of each kind, so that where
// there are two of a kind it is on both sides.
func (l *lab) parted() []*host {
	var away []*host
	for _, peer := range []bool{true, false} {
		n := 0
		for _, h := range l.hosts {
			if h.peer == peer {
				if n++; n%2 == 0 {
					away = append(away, h)
				}
			}
		}
	}
	return away
}

// comeAndGo lets another client of a host join the room, leave it, join again and end;
// members see each step, and the client what they see.
func (l *lab) comeAndGo(h *host, orderly bool) {
	l.t.Helper()
	conn := l.dial(h, "x")
	name := conn.PrivateGroup()
	ctx, cancel := context.WithTimeout(l.t.Context(), 2*patience)
	defer cancel()
	// next reads up to the next membership message.
	next := func() *spread.Membership {
		for {
			ev, err := conn.Receive(ctx)
			if err != nil {
				l.t.Fatalf("%s: %v", name, err)
			}
			if m, ok := ev.(*spread.Membership); ok {
				return m
			}
		}
	}
	do := func(err error) {
		l.t.Helper()
		if err != nil {
			l.t.Fatalf("%s: %v", name, err)
		}
	}
	join := func() {
		do(conn.Join(ctx, room))
		v := next()
		l.agree("with "+name, name)
		if want := h.member.view(); v.Cause != spread.CauseJoin || describe(v) != describe(want) || v.ID != want.ID {
			l.t.Fatalf("%s sees %v, the others %v", name, v, want)
		}
	}
	join()
	do(conn.Leave(ctx, room))
	if v := next(); v.Cause != spread.SelfLeave {
		l.t.Fatalf("%s leaves and is told %v", name, v)
	}
	l.agree("when " + name + " had left")
	join()
	if orderly {
		do(conn.Close())
	} else {
		conn.Kill()
	}
	l.agree("without " + name)
}

// stock finds a C client where a build or an installation of the C daemon has it.
func stock(peer, program string) (string, bool) {
	for _, dir := range []string{".", "../examples", "../bin"} {
		path := filepath.Join(filepath.Dir(peer), dir, program)
		if _, err := os.Stat(path); err == nil {
			return path, true
		}
	}
	return "", false
}

// flood runs two C flooders at each host: one sends to a group, the other receives what
// all of them send.
func (l *lab) flood(t *testing.T) {
	t.Helper()
	path, _ := stock(l.peer, "spflooder")
	const small, large = 4000, 400
	var wg sync.WaitGroup
	run := func(h *host, user string, messages int, args ...string) {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
			defer cancel()
			args = append([]string{"netns", "exec", h.ns, path, "-s", fmt.Sprintf("%d@%s", mixedPort, h.addr), "-u", user, "-m", fmt.Sprint(messages)}, args...)
			out, err := exec.CommandContext(ctx, "ip", args...).CombinedOutput()
			if err != nil || !strings.Contains(string(out), fmt.Sprintf("completed multicast of %d messages", messages)) {
				t.Errorf("flooder %s at %s: %v\n%s", user, h.name, err, tail(string(out), 8))
			}
		})
	}
	// The program that we watch them with counts too.
	watch := l.dial(l.hosts[0], "watch")
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	if err := watch.Join(ctx, "flooder"); err != nil {
		t.Fatal(err)
	}
	total := (small + large) * len(l.hosts)
	for _, h := range l.hosts {
		run(h, "reader", total, "-ro")
	}
	got := 0
	for ev, err := range watch.Events(ctx) {
		if err != nil {
			t.Errorf("%d messages of flooders, then %v", got, err)
			break
		}
		switch ev := ev.(type) {
		case *spread.Membership:
			if ev.Cause == spread.CauseJoin && len(ev.Members) == len(l.hosts)+1 {
				for _, h := range l.hosts {
					run(h, "small", small, "-wo", "-b", "100")
					run(h, "large", large, "-wo", "-b", "30000")
				}
			}
		case *spread.Message:
			got++
		}
		if got == total {
			break
		}
	}
	wg.Wait()
	if err := watch.Close(); err != nil {
		t.Error(err)
	}
}

// talk runs the C user program at each host: each says something in a group, and hears
// all the others.
func (l *lab) talk(t *testing.T) {
	t.Helper()
	path, ok := stock(l.peer, "spuser")
	if !ok {
		return
	}
	type user struct {
		in  io.WriteCloser
		out *lockedBuffer
	}
	var users []user
	for _, h := range l.hosts {
		u := user{out: &lockedBuffer{}}
		cmd := exec.CommandContext(t.Context(), "ip", "netns", "exec", h.ns, path, "-s", fmt.Sprintf("%d@%s", mixedPort, h.addr), "-u", "user")
		cmd.Stdout, cmd.Stderr = u.out, u.out
		var err error
		if u.in, err = cmd.StdinPipe(); err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		users = append(users, u)
		defer func() {
			_ = u.in.Close()
			if err := cmd.Process.Kill(); err == nil {
				_ = cmd.Wait() // it was killed
			}
		}()
	}
	say := func(u user, format string, args ...any) {
		if _, err := fmt.Fprintf(u.in, format+"\n", args...); err != nil {
			t.Fatal(err)
		}
	}
	everywhere := func(text string) {
		l.await(fmt.Sprintf("%q at all users", text), func() bool {
			return !slices.ContainsFunc(users, func(u user) bool { return !strings.Contains(u.out.String(), text) })
		}, func() string {
			var s string
			for i, u := range users {
				s += fmt.Sprintf("--- %s\n%s\n", l.hosts[i].name, u.out)
			}
			return s
		})
	}
	for _, u := range users {
		say(u, "j talk")
	}
	everywhere(fmt.Sprintf("with %d members", len(users)))
	for i, u := range users {
		say(u, "s talk\nhere is %s", l.hosts[i].name)
		everywhere("here is " + l.hosts[i].name)
	}
	say(users[0], "l talk")
}

// last returns the last host of a kind.
func (l *lab) last(peer bool) *host {
	for _, h := range slices.Backward(l.hosts) {
		if h.peer == peer {
			return h
		}
	}
	return nil
}
