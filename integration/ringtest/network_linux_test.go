package ringtest

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/integration/netns"
	"github.com/spreadd/spreadd/internal/testkit/testskip"
)

// space is a network namespace.
type space struct{ *netns.Space }

func newSpace(t testing.TB) *space {
	t.Helper()
	s, err := netns.New(t)
	if err != nil {
		testskip.Skip(t, err.Error())
	}
	return &space{s}
}

// These are those of netns.Space.
func (s *space) do(f func()) { s.Do(f) }

func (s *space) run(input, name string, args ...string) (output string, err error) {
	return s.Run(input, name, args...)
}

func (s *space) must(t testing.TB, input, name string, args ...string) { //nolint:unparam // it is that of netns.Space
	t.Helper()
	s.Must(t, input, name, args...)
}

func (s *space) ip(t testing.TB, commands ...string) {
	t.Helper()
	s.IP(t, commands...)
}

// require ends a test as skipped where there can be no networks.
func require(t testing.TB) {
	t.Helper()
	if err := netns.Check(t); err != nil {
		testskip.Skip(t, err.Error())
	}
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

// newNetwork makes networks with so many hosts each.
func newNetwork(t testing.TB, sizes ...int) *network {
	t.Helper()
	n := &network{t: t, hub: newSpace(t)}
	n.hub.ip(t, "link set lo up")
	for i, size := range sizes {
		net := i + 1
		// A bridge floods multicast, unless it has seen who wants it; there is nobody to ask for
		// that here.
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
				fmt.Sprintf("link add p%d type veth peer name ring0 netns %s", h.number, h.Path()),
				fmt.Sprintf("link set p%d master net%d", h.number, net),
				fmt.Sprintf("link set p%d up", h.number),
			)
			// Nobody else has our addresses: no need to ask. It is only slower where this cannot be
			// written.
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

// netem has the kernel lose, double and delay what leaves each host. It reports false if the kernel
// cannot.
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
