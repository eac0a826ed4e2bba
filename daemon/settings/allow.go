package settings

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/spreadd/spreadd/daemon/access"
	"github.com/spreadd/spreadd/internal/conf/tomlconf"
	"github.com/spreadd/spreadd/wire"
)

// Allow is a rule: who may do what.
type Allow struct {
	Identity []string `toml:"identity" help:"condition: names in the client's certificate; * stands for any characters and ? for one, here and below"`
	User     []string `toml:"user" help:"condition: local users at the UNIX socket"`
	Address  []Range  `toml:"address" help:"condition: addresses of clients on TCP, such as 10.1.0.0/16"`
	Method   []string `toml:"method" enum:"NULL,IP,PWORD" help:"condition: authentication methods of which the client has passed one"`
	Names    []string `toml:"names" help:"private names that these clients may use (default: any)"`
	Join     []string `toml:"join" help:"groups that they may join, and so read"`
	Send     []string `toml:"send" help:"groups that they may send to; #NAME#DAEMON is the private group of one client"`
	Publish  []string `toml:"publishers" help:"publishers under whose names they may send lines of logpub to these groups; %{identity} is the name in the client's certificate, and %{host} that name up to its first dot (default: any)"`
	Monitor  bool     `toml:"monitor" help:"whether monitors at address may send requests; those on hosts of the ring always may"`

	at *tomlconf.Table
}

// Range is a range of addresses.
type Range struct{ netip.Prefix }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Range) UnmarshalText(b []byte) error {
	if a, err := netip.ParseAddr(string(b)); err == nil {
		a = a.Unmap()
		r.Prefix = netip.PrefixFrom(a, a.BitLen())
		return nil
	}
	p, err := netip.ParsePrefix(string(b))
	if err != nil {
		return fmt.Errorf("%q is neither an address nor a range; write 10.1.2.3 or 10.1.0.0/16", b)
	}
	if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 { // clients on IPv4 are known by its addresses
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	r.Prefix = p.Masked()
	return nil
}

// Check implements [tomlconf.Checker].
func (a *Allow) Check(t *tomlconf.Table) {
	a.at = t
	// An empty list reads as nobody, and a rule takes it as everybody.
	for _, c := range []struct {
		key    string
		number int
	}{
		{"identity", len(a.Identity)},
		{"user", len(a.User)},
		{"address", len(a.Address)},
		{"method", len(a.Method)},
		{"names", len(a.Names)},
		{"publishers", len(a.Publish)},
	} {
		if c.number == 0 && t.Has(c.key) {
			t.Errorf(c.key, "remove "+c.key+" if anything may be there, or the whole rule", "%s lists nothing", c.key)
		}
	}
	for i, n := range a.Names {
		if len(n) > wire.MaxGroupName {
			t.ErrorAt("names", i, "", "%q is longer than private names, which have %d bytes", n, wire.MaxPrivateName)
		}
	}
	if len(a.Publish) > 0 && len(a.Send) == 0 {
		t.Errorf("publishers", "add send", "publishers say under whose names lines may be sent, and this rule allows no group to send to")
	}
	own := strings.NewReplacer(access.IdentityOf, "", access.HostOf, "")
	if i := slices.IndexFunc(a.Publish, func(p string) bool { return strings.Contains(own.Replace(p), "%{") }); i >= 0 {
		t.ErrorAt("publishers", i, "write "+access.IdentityOf+" or "+access.HostOf, "%q has an unknown field", a.Publish[i])
	}
	if a.Monitor && (len(a.Identity) > 0 || len(a.User) > 0 || len(a.Method) > 0) {
		t.Errorf("monitor", "make it a rule of its own, with address", "monitors have an address and nothing else")
	}
}

// checkIdentities reports rules that no client can meet, because none has a certificate that is
// checked.
func (s *Settings) checkIdentities() {
	if len(s.TLS.Listen) > 0 && s.TLS.ClientCA != "" {
		return
	}
	for i := range s.Allow {
		if a := &s.Allow[i]; len(a.Identity) > 0 {
			a.at.Errorf("identity", "add [tls] with listen and client_ca, or identify clients otherwise", "this rule matches no client, because clients have names only if [tls] has client_ca")
		}
	}
}

// Rules returns the rules for package access.
func (s *Settings) Rules() access.Rules {
	var table access.Rules
	for i := range s.Allow {
		a := &s.Allow[i]
		r := access.Rule{
			Where: fmt.Sprintf("rule %d, %s", i+1, a.at.Pos("")), Identities: a.Identity, Users: a.User, Methods: a.Method,
			Names: a.Names, Join: a.Join, Send: a.Send, Publishers: a.Publish, Monitor: a.Monitor,
		}
		for _, p := range a.Address {
			r.Addresses = append(r.Addresses, p.Prefix)
		}
		table = append(table, r)
	}
	return table
}
