package ringtest

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/spreadd/spreadd/internal/testskip"
)

// space is a network namespace, and the thread that is in it.
type space struct {
	calls chan func()
	path  string // of the namespace, for ip
}

// newSpace makes a namespace, which lasts until the test ends.
func newSpace(t testing.TB) *space {
	t.Helper()
	s := &space{calls: make(chan func())}
	ready := make(chan error)
	ended := make(chan struct{})
	var fd *os.File
	go func() {
		defer close(ended)
		runtime.LockOSThread() // for good: the thread goes with the namespace
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			fd, err = os.Open("/proc/thread-self/ns/net")
		}
		ready <- err
		for f := range s.calls {
			f()
		}
	}()
	if err := <-ready; err != nil {
		close(s.calls)
		testskip.Skip(t, fmt.Sprintf("no network namespace: %v: run this test as root, where containers may have some", err))
	}
	s.path = fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), fd.Fd())
	t.Cleanup(func() {
		close(s.calls)
		<-ended
		_ = fd.Close()
	})
	return s
}

// do runs f in the namespace. What f starts is in it too.
func (s *space) do(f func()) {
	done := make(chan struct{})
	s.calls <- func() {
		defer close(done)
		f()
	}
	<-done
}

// run runs a program in the namespace, with a text for it to read, and returns what it
// prints.
func (s *space) run(input, name string, args ...string) (output string, err error) {
	s.do(func() {
		cmd := exec.Command(name, args...) //nolint:noctx // it changes the network, which it must not do in part
		cmd.Stdin = strings.NewReader(input)
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		var b []byte
		b, err = cmd.CombinedOutput()
		output = string(b)
	})
	return output, err
}

// must is run for what cannot fail.
func (s *space) must(t testing.TB, input, name string, args ...string) {
	t.Helper()
	if out, err := s.run(input, name, args...); err != nil {
		t.Fatalf("%s %s: %v: %s\n%s", name, strings.Join(args, " "), err, out, input)
	}
}

// ip runs commands of ip in the namespace.
func (s *space) ip(t testing.TB, commands ...string) {
	t.Helper()
	s.must(t, strings.Join(commands, "\n")+"\n", "ip", "-batch", "-")
}

// host is one of a network.
type host struct {
	*space
	number int // from 1
	net    int // from 1
	addr   netip.Addr
	addr6  netip.Addr
}

// network is a hub with hosts around it.
type network struct {
	t     testing.TB
	hub   *space
	hosts []*host
}

// require ends a test as skipped where there can be no networks.
func require(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		testskip.Skip(t, "network namespaces need root: run this test with sudo")
	}
	for program, pack := range map[string]string{"ip": "iproute2", "nft": "nftables"} {
		if _, err := exec.LookPath(program); err != nil {
			testskip.Skip(t, fmt.Sprintf("%s is not installed: apt-get install %s", program, pack))
		}
	}
	s := newSpace(t)
	for what, try := range map[string][]string{
		"a bridge":  {"ip", "link", "add", "trial", "type", "bridge"},
		"a veth":    {"ip", "link", "add", "one", "type", "veth", "peer", "name", "other"},
		"nf_tables": {"nft", "add", "table", "inet", "trial"},
	} {
		if out, err := s.run("", try[0], try[1:]...); err != nil {
			testskip.Skip(t, fmt.Sprintf("the kernel does not make %s here: %s: %v: %s: run this test where it may", what, strings.Join(try, " "), err, out))
		}
	}
}

// newNetwork makes networks with so many hosts each.
func newNetwork(t testing.TB, sizes ...int) *network {
	t.Helper()
	n := &network{t: t, hub: newSpace(t)}
	n.hub.ip(t, "link set lo up")
	for i, size := range sizes {
		net := i + 1
		// A bridge floods multicast, unless it has seen who wants it; there is nobody to
		// ask for that here.
		n.hub.ip(t,
			fmt.Sprintf("link add net%d type bridge mcast_snooping 0", net),
			fmt.Sprintf("link add island%d type bridge mcast_snooping 0", net),
			fmt.Sprintf("addr add 10.78.%d.254/24 dev net%d", net, net),
			fmt.Sprintf("link set net%d up", net),
			fmt.Sprintf("link set island%d up", net),
		)
		for j := range size {
			h := &host{
				space: newSpace(t), number: len(n.hosts) + 1, net: net,
				addr:  netip.AddrFrom4([4]byte{10, 78, byte(net), byte(j + 1)}),
				addr6: netip.MustParseAddr(fmt.Sprintf("fd78:%d::%d", net, j+1)),
			}
			n.hosts = append(n.hosts, h)
			n.hub.ip(t,
				fmt.Sprintf("link add p%d type veth peer name ring0 netns %s", h.number, h.path),
				fmt.Sprintf("link set p%d master net%d", h.number, net),
				fmt.Sprintf("link set p%d up", h.number),
			)
			// Nobody else has our addresses: no need to ask. It is only slower where
			// this cannot be written.
			h.do(func() { _ = os.WriteFile("/proc/sys/net/ipv6/conf/ring0/accept_dad", []byte("0"), 0o644) })
			h.ip(t,
				"link set lo up",
				fmt.Sprintf("addr add %v/24 brd + dev ring0", h.addr),
				fmt.Sprintf("addr add %v/64 dev ring0 nodad", h.addr6),
				"link set ring0 up",
				fmt.Sprintf("route add default via 10.78.%d.254", net),
			)
		}
	}
	n.route(true)
	return n
}

// route lets the hub pass packets between networks, or not.
func (n *network) route(on bool) {
	n.t.Helper()
	value := "0"
	if on {
		value = "1"
	}
	var err error
	n.hub.do(func() { err = os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte(value), 0o644) })
	if err != nil {
		n.t.Fatal(err)
	}
}

// isolate cuts hosts off from all but those of them that are in one network.
func (n *network) isolate(numbers ...int) {
	n.t.Helper()
	for _, i := range numbers {
		n.hub.ip(n.t, fmt.Sprintf("link set p%d master island%d", i, n.hosts[i-1].net))
	}
}

// heal undoes isolate.
func (n *network) heal(numbers ...int) {
	n.t.Helper()
	for _, i := range numbers {
		n.hub.ip(n.t, fmt.Sprintf("link set p%d master net%d", i, n.hosts[i-1].net))
	}
}

// ringPorts are where daemons send to one another.
const ringPorts = "{ 4803, 4804 }"

// deafen loses all that arrives at a host from other daemons, while it can be heard, or ends that.
func (n *network) deafen(number int, on bool) {
	n.t.Helper()
	h := n.hosts[number-1]
	if !on {
		h.must(n.t, "", "nft", "delete", "table", "inet", "deaf")
		return
	}
	h.must(n.t, "table inet deaf { chain input { type filter hook input priority 0; udp dport "+ringPorts+" drop; }; }\n", "nft", "-f", "-")
}

// lose loses a share of what arrives at each host.
func (n *network) lose(perMille int) {
	n.t.Helper()
	for _, h := range n.hosts {
		h.must(n.t, fmt.Sprintf("table inet lossy { chain input { type filter hook input priority 0; udp dport %s numgen random mod 1000 < %d drop; }; }\n",
			ringPorts, perMille), "nft", "-f", "-")
	}
}

// netem has the kernel lose, double and delay what leaves each host. It reports
// false if the kernel cannot.
func (n *network) netem(f faults) bool {
	n.t.Helper()
	for _, h := range n.hosts {
		out, err := h.run("", "tc", "qdisc", "add", "dev", "ring0", "root", "netem",
			"loss", percent(f.Loss), "duplicate", percent(f.Duplicate),
			"delay", fmt.Sprint(f.MaxDelay/2), fmt.Sprint(f.MaxDelay/2))
		if err != nil {
			if h.number > 1 {
				n.t.Fatalf("netem works on one host and not on the next: %v: %s", err, out)
			}
			n.t.Logf("no netem here (%s): faults are made by nftables and within the daemons", strings.TrimSpace(out))
			return false
		}
	}
	return true
}

func percent(share float64) string { return fmt.Sprintf("%g%%", 100*share) }
