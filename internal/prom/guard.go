package prom

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
)

// guard answers requests that pass its checks: the Host must be a name of this server, and there must
// be a place.
type guard struct {
	next   http.Handler
	places *places
	// names are the names of this host, and the one that the address was given with.
	names []string
}

func newGuard(next http.Handler, p *places, addr string) *guard {
	g := &guard{next: next, places: p}
	if name, err := os.Hostname(); err == nil {
		g.names = append(g.names, strings.ToLower(name))
	}
	if host, _, err := net.SplitHostPort(addr); err == nil && host != "" {
		g.names = append(g.names, strings.ToLower(host))
	}
	return g
}

// private are the ends of names that nobody can register in public.
var private = [...]string{".internal", ".local", ".localhost", ".localdomain", ".lan", ".home.arpa", ".test", ".invalid"} //nolint:gochecknoglobals // a constant

// knows reports whether a Host is one of this server's: an address, a name without dots or with an
// end that no stranger can register, or a name of the host. A page of a stranger whose name resolves
// to an address of this host (DNS rebinding) has another one.
func (g *guard) knows(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
	if host == "" || !strings.Contains(host, ".") {
		return true
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return slices.Contains(g.names, host) || slices.ContainsFunc(private[:], func(end string) bool { return strings.HasSuffix(host, end) })
}

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !g.knows(r.Host) {
		http.Error(w, fmt.Sprintf("this server does not know the name %q: use its IP address, or start it with that name in its address", r.Host), http.StatusMisdirectedRequest)
		return
	}
	kept := r.URL.Path == "/metrics" || r.URL.Path == "/healthz" || r.URL.Path == "/readyz"
	release := g.places.take(r, kept)
	if release == nil {
		http.Error(w, "too many requests at a time", http.StatusServiceUnavailable)
		return
	}
	defer release()
	w.Header().Set("X-Content-Type-Options", "nosniff")
	g.next.ServeHTTP(w, r)
}
