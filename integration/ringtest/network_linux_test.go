package ringtest

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/integration/netns"
)

// host is a host of a network.
type host struct {
	*netns.Space
	number int // from 1
	net    int // from 1
	addr   netip.Addr
	addr6  netip.Addr
}

// network is a hub with hosts around it.
type network struct {
	t     testing.TB
	hub   *netns.Space
	hosts []*host
}

// newNetwork makes networks with the given numbers of hosts.
func newNetwork(t testing.TB, sizes ...int) *network {
	t.Helper()
	n := &network{t: t, hub: netns.New(t)}
	n.hub.IP(t, "link set lo up")
	for i, size := range sizes {
		net := i + 1
		// Without a multicast querier, snooping would stop multicast after a while. With an address that
		// it inherits from a port, a bridge would take what a host on its island sends to the other one.
		n.hub.IP(t,
			fmt.Sprintf("link add net%d address 02:78:00:00:%02x:01 type bridge mcast_snooping 0", net, net),
			fmt.Sprintf("link add island%d address 02:78:00:00:%02x:02 type bridge mcast_snooping 0", net, net),
			fmt.Sprintf("addr add 10.78.%d.254/24 dev net%d", net, net),
			fmt.Sprintf("link set net%d up", net),
			fmt.Sprintf("link set island%d up", net),
		)
		for j := range size {
			h := &host{
				Space: netns.New(t), number: len(n.hosts) + 1, net: net,
				addr:  netip.AddrFrom4([4]byte{10, 78, byte(net), byte(j + 1)}),
				addr6: netip.MustParseAddr(fmt.Sprintf("fd78:%d::%d", net, j+1)),
			}
			n.hosts = append(n.hosts, h)
			n.hub.IP(t,
				fmt.Sprintf("link add p%d type veth peer name ring0 netns %s", h.number, h.Path()),
				fmt.Sprintf("link set p%d master net%d", h.number, net),
				fmt.Sprintf("link set p%d up", h.number),
			)
			// Duplicate address detection is not necessary. Where the file cannot be written, the
			// test is only slower.
			h.Do(func() { _ = os.WriteFile("/proc/sys/net/ipv6/conf/ring0/accept_dad", []byte("0"), 0o644) })
			h.IP(t,
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

// route switches the forwarding of packets between networks on or off.
func (n *network) route(on bool) {
	n.t.Helper()
	value := "0"
	if on {
		value = "1"
	}
	var err error
	n.hub.Do(func() { err = os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte(value), 0o644) })
	if err != nil {
		n.t.Fatal(err)
	}
}

// isolate cuts hosts off from all others. Those of one network still reach each other.
func (n *network) isolate(numbers ...int) {
	n.t.Helper()
	for _, i := range numbers {
		n.hub.IP(n.t, fmt.Sprintf("link set p%d master island%d", i, n.hosts[i-1].net))
	}
}

// heal undoes isolate.
func (n *network) heal(numbers ...int) {
	n.t.Helper()
	for _, i := range numbers {
		n.hub.IP(n.t, fmt.Sprintf("link set p%d master net%d", i, n.hosts[i-1].net))
	}
}

// ringPorts are the data port and the token port.
const ringPorts = "{ 4803, 4804 }"

// deafen drops everything that a host receives from other daemons, while it can still send, or ends
// that.
func (n *network) deafen(number int, on bool) {
	n.t.Helper()
	h := n.hosts[number-1]
	if !on {
		h.Must(n.t, "", "nft", "delete", "table", "inet", "deaf")
		return
	}
	h.Must(n.t, "table inet deaf { chain input { type filter hook input priority 0; udp dport "+ringPorts+" drop; }; }\n", "nft", "-f", "-")
}

// lose drops a share of the datagrams that arrive at each host.
func (n *network) lose(perMille int) {
	n.t.Helper()
	for _, h := range n.hosts {
		h.Must(n.t, fmt.Sprintf("table inet lossy { chain input { type filter hook input priority 0; udp dport %s numgen random mod 1000 < %d drop; }; }\n",
			ringPorts, perMille), "nft", "-f", "-")
	}
}

// netem has the kernel lose, duplicate and delay the datagrams that each host sends. It reports
// false if the kernel cannot do that.
func (n *network) netem(f faults) bool {
	n.t.Helper()
	for _, h := range n.hosts {
		out, err := h.Run("", "tc", "qdisc", "add", "dev", "ring0", "root", "netem",
			"loss", percent(f.Loss), "duplicate", percent(f.Duplicate),
			"delay", fmt.Sprint(f.MaxDelay/2), fmt.Sprint(f.MaxDelay/2))
		if err != nil {
			if h.number > 1 {
				n.t.Fatalf("netem works on one host and not on the next: %v: %s", err, out)
			}
			n.t.Logf("no netem (%s): nftables and the daemons make the faults", strings.TrimSpace(out))
			return false
		}
	}
	return true
}

func percent(share float64) string { return fmt.Sprintf("%g%%", 100*share) }
