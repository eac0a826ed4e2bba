package transport

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/topology"
)

func addrs(s string) []netip.Addr {
	var all []netip.Addr
	for f := range strings.FieldsSeq(s) {
		all = append(all, netip.MustParseAddr(f))
	}
	return all
}

// planConfig returns the configuration of a daemon at the address own, in a segment of that many
// daemons.
func planConfig(t *testing.T, own, segment string, daemons int, list string) Config {
	t.Helper()
	a := netip.MustParseAddr(own)
	seg := topology.Segment{Port: 4803, Addrs: addrs(segment), Daemons: []topology.Daemon{{ID: 1, Name: "a", Addr: a}}}
	for i := 1; i < daemons; i++ {
		a = a.Next()
		seg.Daemons = append(seg.Daemons, topology.Daemon{ID: seg.Daemons[i-1].ID + 1, Name: fmt.Sprint(i), Addr: a})
	}
	top, err := topology.New([]topology.Segment{seg})
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Topology: top, Self: 1, Pool: new(buf.Pool), Poller: newPoller(t)}
	for f := range strings.FieldsSeq(list) {
		letters, addr, ok := strings.Cut(f, "=")
		if !ok {
			letters, addr = "", letters
		}
		i := Interface{Addr: netip.MustParseAddr(addr)}
		for _, l := range letters {
			i.Use |= map[rune]Use{'D': UseDaemon, 'C': UseClient, 'M': UseMonitor}[l]
		}
		cfg.Interfaces = append(cfg.Interfaces, i)
	}
	return cfg
}

func (b bind) String() string {
	s := "data "
	if b.token {
		s = "token "
	}
	s += b.addr.String()
	if b.reuse {
		s += " reuse"
	}
	for _, g := range b.join {
		s += " +" + g.String()
	}
	return s
}

// ring-protocol §1: the receive sockets with and without an interface list.
func TestPlan(t *testing.T) {
	for _, tt := range []struct {
		name         string
		own, segment string
		daemons      int
		list         string
		want         []string
	}{
		{
			"no list, broadcast", "10.0.0.1", "10.0.0.255", 2, "",
			[]string{"data 0.0.0.0", "token 0.0.0.0"},
		},
		{
			"no list, multicast: joined, with one daemon too", "10.0.0.1", "239.0.0.1 10.0.0.255 239.0.0.2", 1, "",
			[]string{"data 0.0.0.0 +239.0.0.1 +239.0.0.2", "token 0.0.0.0"},
		},
		{
			"no list, IPv6", "fd99::1", "ff02::1:2:3", 2, "",
			[]string{"data :: +ff02::1:2:3", "token ::"},
		},
		{
			"the verified example", "10.99.0.1", "239.99.0.1", 2, "D=10.99.0.1",
			[]string{"data 10.99.0.1 +239.99.0.1", "token 10.99.0.1", "data 239.99.0.1 reuse +239.99.0.1"},
		},
		{
			"no letter is all uses", "10.0.0.1", "10.0.0.255", 2, "10.0.0.1",
			[]string{"data 10.0.0.1", "token 10.0.0.1", "data 10.0.0.255 reuse"},
		},
		{
			"other uses are bound elsewhere", "10.0.0.1", "10.0.0.255", 2, "C=10.0.0.9 M=10.0.0.8 CM=10.0.0.7 CD=10.0.0.1",
			[]string{"data 10.0.0.1", "token 10.0.0.1", "data 10.0.0.255 reuse"},
		},
		{
			"the only daemon of its segment needs no more", "10.0.0.1", "239.0.0.1", 1, "D=10.0.0.1",
			[]string{"data 10.0.0.1 +239.0.0.1", "token 10.0.0.1"},
		},
		{
			"the wildcard listed", "10.0.0.1", "239.0.0.1", 2, "D=0.0.0.0",
			[]string{"data 0.0.0.0 +239.0.0.1", "token 0.0.0.0"},
		},
		{
			"the segment's address listed", "10.0.0.1", "10.0.0.255 10.1.0.255", 2, "D=10.0.0.1 D=10.0.0.255",
			[]string{"data 10.0.0.1", "token 10.0.0.1", "data 10.0.0.255 reuse", "token 10.0.0.255", "data 10.1.0.255 reuse"},
		},
		{
			"no token socket on a multicast address", "10.0.0.1", "239.0.0.1", 2, "D=10.0.0.1 D=239.0.0.1",
			[]string{"data 10.0.0.1 +239.0.0.1", "token 10.0.0.1", "data 239.0.0.1 reuse +239.0.0.1"},
		},
		{
			"each address once, of our family", "10.0.0.1", "10.0.0.255", 2, "D=10.0.0.1 D=10.0.0.1 C=:: ::",
			[]string{"data 10.0.0.1", "token 10.0.0.1", "data 10.0.0.255 reuse"},
		},
		{
			"IPv6", "fd99::1", "ff02::7%lo", 2, "D=fd99::1",
			[]string{"data fd99::1 +ff02::7%lo", "token fd99::1", "data ff02::7%lo reuse +ff02::7%lo"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg, err := planConfig(t, tt.own, tt.segment, tt.daemons, tt.list).withDefaults()
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, b := range cfg.plan() {
				got = append(got, b.String())
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("sockets\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

func TestConfigRefused(t *testing.T) {
	good := func() Config { return planConfig(t, "10.0.0.1", "10.0.0.255", 2, "") }
	for _, tt := range []struct {
		want   string
		change func(*Config)
	}{
		{"Pool is nil", func(c *Config) { c.Pool = nil }},
		{"Poller is nil", func(c *Config) { c.Poller = nil }},
		{"Topology is nil", func(c *Config) { c.Topology = nil }},
		{"not in the configuration", func(c *Config) { c.Self = 99 }},
		{"ReceiveBuffer", func(c *Config) { c.ReceiveBuffer = -1 }},
		{"differs from the configured address", func(c *Config) { c.Addr = netip.MustParseAddr("10.0.0.9") }},
		{"mark one with D", func(c *Config) { c.Interfaces = []Interface{{c.Addr, UseClient}} }},
		{"want an address of its host", func(c *Config) { *c = planConfig(t, "0.0.0.0", "10.0.0.255", 1, "") }},
		{"in one address family", func(c *Config) { *c = planConfig(t, "::1", "10.0.0.255", 1, "") }},
		{"daemon b has the address ::1", func(c *Config) {
			c.Topology, _ = topology.New([]topology.Segment{{Daemons: []topology.Daemon{
				{ID: 1, Name: "a", Addr: netip.MustParseAddr("10.0.0.1")}, {ID: 2, Name: "b", Addr: netip.MustParseAddr("::1")},
			}}})
		}},
	} {
		cfg := good()
		tt.change(&cfg)
		if _, err := Open(cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v, want %q", err, tt.want)
		}
	}
	cfg, err := good().withDefaults()
	if err != nil || cfg.ReceiveBuffer != DefaultReceiveBuffer || cfg.Addr != netip.MustParseAddr("10.0.0.1") || cfg.Log == nil {
		t.Errorf("defaults are %+v, %v", cfg, err)
	}
}

func TestScoped(t *testing.T) {
	lo, err := interfaceOf(netip.MustParseAddr("127.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ addr, want string }{
		{"10.0.0.1", "10.0.0.1"},
		{"239.0.0.1", "239.0.0.1"},
		{"fd99::1", "fd99::1"}, // is the same whatever the interface
		{"fe80::1", "fe80::1%eth7"},
		{"fe80::1%" + lo.Name, "fe80::1%" + lo.Name},
		{fmt.Sprintf("fe80::1%%%d", lo.Index), "fe80::1%" + lo.Name},
		{"fe80::1%nothere", "fe80::1%eth7"},
		{"fd99::1%nothere", "fd99::1"},
		{"ff02::1", "ff02::1%eth7"},
		{"ff02::1%" + lo.Name, "ff02::1%" + lo.Name},
		{"::1", "::1"},
	} {
		if got := scoped(netip.MustParseAddr(tt.addr), "eth7"); got != netip.MustParseAddr(tt.want) {
			t.Errorf("%s becomes %v, want %s", tt.addr, got, tt.want)
		}
	}
	top, err := topology.New([]topology.Segment{{Port: 1, Daemons: []topology.Daemon{{ID: 1, Name: "a", Addr: netip.MustParseAddr("fe80::1%" + lo.Name)}}}})
	if err != nil {
		t.Fatal(err)
	}
	if to := newDestinations(top, "eth7").data[0].addr.String(); to != "[fe80::1%eth7]:1" {
		t.Errorf("another daemon's zone is not ours: %s", to)
	}
}
