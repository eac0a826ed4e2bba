package ringtest

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spreadd/spreadd/integration/harness"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/spread"
)

// peerVariable is the environment variable with the path of a C daemon for TestMixedRings.
const peerVariable = "SPREAD_PEER"

// peerConf holds the options that the C daemon needs. C clients are slower than the ring, so they
// need long queues.
const peerConf = "RuntimeDir = /\nSocketPortReuse = on\nMaxSessionMessages = 30000\n"

// peerCommand turns a command into that of the C daemon, in the directory of its configuration. The
// daemon puts a socket into /tmp and ends if another one does so at the same time, so each gets an
// empty /tmp of its own. Without stdbuf, output before a kill would be lost.
func peerCommand(cmd *exec.Cmd, dir, name string) {
	const script = `cp "$1" "$2.bin" && mkdir -p "$2" && mount --bind "$2" /tmp && exec stdbuf -oL "./$2.bin" -n "$2" -c spread.conf`
	cmd.Path, cmd.Err = exec.LookPath("unshare")
	cmd.Args = []string{"unshare", "-m", "sh", "-c", script, "sh", os.Getenv(peerVariable), name}
	cmd.Dir = dir
}

type mixedRing struct {
	name string
	setting
}

// mixedRings returns the rings to test. kinds has a letter for each host, G for the Go daemon and C
// for the C daemon; the first is the leader. The list has each sequence of both kinds for 3 and for
// 5 hosts, so each host of each mix leads, in one network and in two, with the original and the
// accelerated ring. Then it has some rings with other kinds of addresses.
func mixedRings() []mixedRing {
	var all []mixedRing
	add := func(kinds string, two bool, w way, accelerated bool) {
		s := setting{networks: []int{len(kinds)}, way: w, accelerated: accelerated}
		name := kinds + " 1 network"
		if two {
			s.networks = []int{(len(kinds) + 1) / 2, len(kinds) / 2}
			name = kinds + " 2 networks"
		}
		for i, kind := range kinds {
			if kind == 'C' {
				s.peers = append(s.peers, i+1)
			}
		}
		name += [...]string{multicast: " multicast", broadcast: " broadcast", unicast: " unicast", multicast6: " IPv6"}[w]
		if accelerated {
			name += " accelerated"
		}
		all = append(all, mixedRing{name, s})
	}
	for _, n := range []int{3, 5} {
		for bits := 1; bits < 1<<n-1; bits++ {
			kinds := []byte(strings.Repeat("G", n))
			for i := range n {
				if bits>>i&1 == 1 {
					kinds[i] = 'C'
				}
			}
			for _, two := range []bool{false, true} {
				add(string(kinds), two, broadcast, false)
				add(string(kinds), two, multicast, true)
			}
		}
	}
	for _, kinds := range []string{"CGG", "GCC", "CGCG"} {
		add(kinds, false, unicast, false)
		add(kinds, true, unicast, true)
		add(kinds, false, multicast6, false)
		add(kinds, false, multicast6, true)
	}
	return all
}

// TestMixedRings takes rings of Go and C daemons through faults. It is optional, because the C
// daemon is not part of this project.
func TestMixedRings(t *testing.T) {
	peer := os.Getenv(peerVariable)
	if peer == "" {
		t.Skipf("set %s to the path of a Spread 5.0.1 daemon to run ours in rings with it; needs root, iproute2 and nftables", peerVariable)
	}
	if _, err := os.Stat(peer); err != nil {
		t.Fatal(err)
	}
	binary := buildDaemon(t)
	// These daemons are busy most of the time, so not too many run in parallel.
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for _, tt := range mixedRings() {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			slots <- struct{}{}
			defer func() { <-slots }()
			mixed(newRing(t, binary, tt.setting))
		})
	}
}

// mixed: all clients send at full speed; clients join and leave; the first and the last daemon of
// each kind crashes and restarts, some before the others have noticed; one of each is suspended;
// packets are lost, also during crashes; the network is partitioned with both kinds on both sides
// and thousands of groups, and merges; C clients run on each host. The Go daemons must not log
// warnings.
func mixed(r *ring) {
	began := time.Now()
	step := func(what string) {
		r.t.Logf("step %-25s %5.1f s", what, time.Since(began).Seconds())
		began = time.Now()
	}
	kinds := [][]int{r.peers, r.without(r.peers...)}
	if kinds[0][0] != 1 {
		slices.Reverse(kinds) // the leader's first
	}
	step("forming the ring")

	r.rush(true)
	r.progress(1500, r.all()...)
	r.rush(false)
	step("full speed")
	for i := range r.hosts {
		r.comeAndGo(i+1, i%2 == 0)
	}
	step("joins and leaves")
	for _, kind := range kinds {
		r.crash(kind[0])
		r.together("one dead", r.without(kind[0])...)
		r.comeBack(kind[0])
		r.together("it is back", r.all()...)
	}
	step("kill and restart")
	for _, kind := range kinds {
		n := kind[len(kind)-1]
		r.crash(n)
		r.comeBack(n)
		r.together("quick restart", r.all()...)
	}
	step("quick restart")
	for _, kind := range kinds {
		n := kind[len(kind)-1]
		r.pause(n, true)
		r.together("one stands still", r.without(n)...)
		r.pause(n, false)
		r.together("it goes on", r.all()...)
	}
	step("standstill")

	r.lose(30)
	r.rush(true)
	r.progress(300, r.all()...)
	for _, kind := range kinds {
		n := kind[len(kind)-1]
		r.crash(n)
		r.together("one dead, lossy", r.without(n)...)
		r.comeBack(n)
		r.together("it is back, lossy", r.all()...)
	}
	r.rush(false)
	for _, h := range r.hosts {
		h.Must(r.t, "", "nft", "delete", "table", "inet", "lossy")
	}
	step("loss")

	// Every second one of each kind, all in one network: hosts of two networks cannot reach each
	// other when they are cut off, and when three rings merge, C daemons may report wrong sets
	// (groups-protocol §10.2).
	var away []int
	for _, kind := range kinds {
		for i := 1; i < len(kind); i += 2 {
			if n := kind[i]; len(away) == 0 || r.hosts[n-1].net == r.hosts[away[0]-1].net {
				away = append(away, n)
			}
		}
	}
	slices.Sort(away)
	home := r.without(away...)
	crowd := []*spread.Conn{r.dial(home[0], "crowd"), r.dial(away[0], "crowd")}
	for _, c := range crowd {
		r.joinMany(c)
	}
	for _, c := range crowd {
		r.awaitMany(c, spread.CauseJoin)
	}
	step("thousands of groups")
	r.isolate(away...)
	r.together("at home", home...)
	r.together("away", away...)
	step("partition")
	r.heal(away...)
	r.together("healed", r.all()...)
	for _, c := range crowd {
		r.awaitMany(c, spread.CauseNetwork)
		if err := c.Close(); err != nil {
			r.t.Error(err)
		}
	}
	step("merge")
	r.flood()
	r.talk()
	step("stock clients")
	r.finish()
	for _, n := range r.without(r.peers...) {
		p := r.daemons[n-1]
		for line := range strings.Lines(p.Output.String()) {
			expected := strings.Contains(line, "cannot form a ring") || strings.Contains(line, "ring formed without") // while faults last
			if !expected && (strings.Contains(line, " WARN ") || strings.Contains(line, " ERROR ")) {
				r.t.Errorf("%s logs a warning: %s", p.Name, line)
			}
		}
	}
}

// rush has all clients send as fast as they can, or ends that.
func (r *ring) rush(on bool) {
	for _, c := range r.clients {
		c.fast.Store(on)
	}
}

// installed matches the log line of a new ring, with the time in its id.
var installed = regexp.MustCompile(` ring formed.* id=\S+:(\d+) `)

// comeBack restarts a daemon that was killed. A C daemon that leads must not restart before its
// clock has passed its old ids, because it would use them again (membership-protocol §7.1).
func (r *ring) comeBack(number int) {
	r.t.Helper()
	if number == 1 && r.peers[0] == 1 {
		var last int64
		for _, n := range r.without(r.peers...) {
			p := r.daemons[n-1]
			for _, m := range installed.FindAllStringSubmatch(p.Output.String(), -1) {
				id, err := strconv.ParseInt(m[1], 10, 64)
				if err != nil {
					r.t.Fatal(err)
				}
				last = max(last, id)
			}
		}
		testkit.Wait(r.t, "the leader's clock to pass its ids", func() bool { return time.Now().Unix() > last })
	}
	fast := r.clients[0].fast.Load()
	r.restart(number)
	r.clients[number-1].fast.Store(fast)
}

// dial connects to the daemon of a host.
func (r *ring) dial(number int, name string) *spread.Conn {
	r.t.Helper()
	conn, err := spread.Dial(r.t.Context(), r.at(number), spread.WithName(name), spread.WithMembership(true), spread.WithDialer(r.hosts[number-1].dial))
	if err != nil {
		r.t.Fatal(err)
	}
	return conn
}

// at returns the address of a host's daemon for clients.
func (r *ring) at(number int) string { return fmt.Sprintf("4803@%v", r.addr(r.hosts[number-1])) }

// comeAndGo has another client of a host join the group, leave it, join again and disconnect. All
// clients see each step, and the guest sees the same.
func (r *ring) comeAndGo(number int, orderly bool) {
	r.t.Helper()
	conn := r.dial(number, "guest")
	ctx, cancel := context.WithTimeout(r.t.Context(), testkit.Patience)
	defer cancel()
	guest := conn.PrivateGroup()
	do := func(err error) {
		r.t.Helper()
		if err != nil {
			r.t.Fatalf("%s: %v", guest, err)
		}
	}
	next := func() *spread.Membership {
		r.t.Helper()
		for {
			ev, err := conn.Receive(ctx)
			do(err)
			if m, ok := ev.(*spread.Membership); ok {
				return m
			}
		}
	}
	// seen waits until all clients have a view with or without the guest.
	seen := func(there bool) {
		r.t.Helper()
		want := len(r.clients)
		if there {
			want++
		}
		testkit.Wait(r.t, fmt.Sprintf("views of %d with %s: %v", want, guest, there), func() bool {
			return !slices.ContainsFunc(r.clients, func(c *client) bool {
				m := c.members()
				return slices.Contains(m, guest) != there || len(m) != want
			})
		})
	}
	join := func() {
		r.t.Helper()
		do(conn.Join(ctx, group))
		v := next()
		seen(true)
		if v.Cause != spread.CauseJoin || v.Changed != guest || !slices.Equal(v.Members, r.clients[0].members()) {
			r.t.Fatalf("%s sees %v, the others %q", guest, v, r.clients[0].members())
		}
	}
	join()
	do(conn.Leave(ctx, group))
	if v := next(); v.Cause != spread.SelfLeave {
		r.t.Fatalf("%s leaves and receives %v", guest, v)
	}
	seen(false)
	join()
	if orderly {
		do(conn.Close())
	} else {
		conn.Kill()
	}
	seen(false)
}

// many is the number of groups of a crowd. With their members, they do not fit into two state
// messages of groups (groups-protocol §7.4).
const many = 2500

func (r *ring) joinMany(c *spread.Conn) {
	r.t.Helper()
	for i := range many {
		if err := c.Join(r.t.Context(), fmt.Sprintf("crowd%04d", i)); err != nil {
			r.t.Fatal(err)
		}
	}
}

// awaitMany waits until a connection has, in each of its groups, a view with that cause and with
// both clients of the crowd.
func (r *ring) awaitMany(c *spread.Conn, cause spread.Cause) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), testkit.Patience)
	defer cancel()
	full := make(map[string]bool)
	for len(full) < many {
		ev, err := c.Receive(ctx)
		if err != nil {
			r.t.Fatalf("%s has whole views of %d groups, then %v", c.PrivateGroup(), len(full), err)
		}
		if m, ok := ev.(*spread.Membership); ok && m.Cause == cause && len(m.Members) == 2 {
			full[m.Group] = true
		}
	}
}

// stock finds a C client in a build or an installation.
func (r *ring) stock(program string) (string, bool) {
	for _, dir := range []string{".", "../examples", "../bin"} {
		path := filepath.Join(filepath.Dir(os.Getenv(peerVariable)), dir, program)
		if _, err := os.Stat(path); err == nil {
			return path, true
		}
	}
	r.t.Logf("no %s beside the C daemon", program)
	return "", false
}

// flood runs three C flooders on each host: two send to a group, and one receives what all of them
// send.
func (r *ring) flood() {
	r.t.Helper()
	path, ok := r.stock("spflooder")
	if !ok {
		return
	}
	const small, large = 4000, 400
	ctx, cancel := context.WithTimeout(r.t.Context(), testkit.Patience)
	defer cancel()
	var wg sync.WaitGroup
	run := func(number int, user string, messages int, args ...string) {
		args = append([]string{"-s", r.at(number), "-u", user, "-m", fmt.Sprint(messages)}, args...)
		p := harness.Start(r.t, exec.CommandContext(ctx, path, args...), r.hosts[number-1].Do)
		wg.Go(func() {
			<-p.Done
			if p.Err != nil || !strings.Contains(p.Tail(8), fmt.Sprintf("completed multicast of %d messages", messages)) {
				r.t.Errorf("flooder %s at %s: %v\n%s", user, r.at(number), p.Err, p.Tail(8))
			}
		})
	}
	// The client that watches them is a member too.
	watch := r.dial(1, "watch")
	if err := watch.Join(ctx, "flooder"); err != nil {
		r.t.Fatal(err)
	}
	total := (small + large) * len(r.hosts)
	for _, n := range r.all() {
		run(n, "reader", total, "-ro")
	}
	got := 0
	for ev, err := range watch.Events(ctx) {
		if err != nil {
			r.t.Errorf("%d messages of flooders, then %v", got, err)
			break
		}
		switch ev := ev.(type) {
		case *spread.Membership:
			if ev.Cause == spread.CauseJoin && len(ev.Members) == len(r.hosts)+1 {
				for _, n := range r.all() {
					run(n, "small", small, "-wo", "-b", "100")
					run(n, "large", large, "-wo", "-b", "30000")
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
		r.t.Error(err)
	}
}

// talk runs the C program spuser on each host. All join a group, each sends a message, and all
// receive it.
func (r *ring) talk() {
	r.t.Helper()
	path, ok := r.stock("spuser")
	if !ok {
		return
	}
	type user struct {
		*harness.Process
		in io.WriteCloser
	}
	users := make([]user, len(r.hosts))
	for i, h := range r.hosts {
		cmd := exec.CommandContext(context.Background(), path, "-s", r.at(i+1), "-u", "user") // The clean-up ends it.
		in, err := cmd.StdinPipe()
		if err != nil {
			r.t.Fatal(err)
		}
		users[i] = user{harness.Start(r.t, cmd, h.Do), in}
	}
	defer func() {
		for _, u := range users {
			u.Kill()
		}
	}()
	say := func(i int, text string) {
		r.t.Helper()
		if _, err := io.WriteString(users[i].in, text); err != nil {
			r.t.Fatal(err)
		}
	}
	heard := func(text string) {
		r.t.Helper()
		testkit.Wait(r.t, fmt.Sprintf("%q at all users", text), func() bool {
			for i := range users {
				if !users[i].Says(text) {
					return false
				}
			}
			return true
		})
	}
	for i := range users {
		say(i, "j talk\n")
	}
	heard(fmt.Sprintf("with %d members", len(users)))
	for i := range users {
		say(i, fmt.Sprintf("s talk\nhere is user %d\n", i))
		heard(fmt.Sprintf("here is user %d", i))
	}
}
