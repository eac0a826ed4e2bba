package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
)

// seed is the constant that all follows from.
const seed = 2004_1120

// request is a line of a log before it is written out. Texts are as they stand
// in the log, escapes included.
type request struct {
	at       int64 // seconds since 1970
	host     string
	user     string
	line     string // the request line
	status   int
	size     int64 // -1: "-"
	referrer string
	agent    string
}

// site is a web site, and how its visits go.
type site struct {
	name, group string
	combined    bool
	zone        *time.Location
	lines       int
	visit       func(g *gen, c client) []request
	odd         []func(g *gen) request
}

// day is when all happens.
var day = time.Date(2026, time.November, 16, 0, 0, 0, 0, time.UTC)

// log returns the site's log.
func (s *site) log() []byte {
	g := newGen(s.group)
	var all []request
	for _, odd := range s.odd {
		for range oddPerKind {
			r := odd(g)
			r.at = g.moment()
			all = append(all, r)
		}
	}
	for len(all) < s.lines {
		at := g.moment()
		for _, r := range s.visit(g, g.client()) {
			if len(all) < s.lines {
				at += g.pause()
				r.at = at
				all = append(all, r)
			}
		}
	}
	// Servers log when a request ends but write when it began, so the order
	// of neighbours in time is not quite that of the clock.
	slices.SortStableFunc(all, func(a, b request) int { return cmp.Compare(a.at, b.at) })
	for i := range len(all) - 1 {
		if all[i+1].at-all[i].at <= 2 && g.chance(40) {
			all[i], all[i+1] = all[i+1], all[i]
		}
	}
	var out []byte
	for i := range all {
		out = s.append(out, &all[i])
	}
	return out
}

// oddPerKind is how many requests of each odd kind a site gets.
const oddPerKind = 4

// append writes a request in the site's format.
func (s *site) append(b []byte, r *request) []byte {
	at := time.Unix(r.at, 0).In(s.zone).Format("02/Jan/2006:15:04:05 -0700")
	size := "-"
	if r.size >= 0 {
		size = strconv.FormatInt(r.size, 10)
	}
	b = fmt.Appendf(b, `%s - %s [%s] "%s" %d %s`, r.host, cmp.Or(r.user, "-"), at, r.line, r.status, size)
	if s.combined {
		b = fmt.Appendf(b, ` "%s" "%s"`, r.referrer, r.agent)
	}
	return append(b, '\n')
}

// gen draws from the seed. It uses the generator's words directly: the
// algorithm of PCG is fixed, the methods of rand.Rand are not promised to be.
type gen struct{ src *rand.PCG }

func newGen(stream string) *gen {
	var n uint64
	for _, c := range []byte(stream) {
		n = n*31 + uint64(c)
	}
	return &gen{src: rand.NewPCG(seed, n)}
}

// n returns a number from 0 to limit-1.
func (g *gen) n(limit int) int { return int(g.src.Uint64() % uint64(limit)) }

// between returns a number from low to high.
func (g *gen) between(low, high int) int { return low + g.n(high-low+1) }

// chance is true once in so many times.
func (g *gen) chance(in int) bool { return g.n(in) == 0 }

// choice is a value with its share of the whole.
type choice[T any] struct {
	weight int
	value  T
}

func pick[T any](g *gen, choices []choice[T]) T {
	total := 0
	for _, c := range choices {
		total += c.weight
	}
	at := g.n(total)
	for _, c := range choices {
		if at < c.weight {
			return c.value
		}
		at -= c.weight
	}
	panic("unreachable: the weights add up to more than total")
}

// one returns one of a list, all alike.
func one[T any](g *gen, list []T) T { return list[g.n(len(list))] }

// moment returns a time of the day, more often in busy hours.
func (g *gen) moment() int64 {
	return day.Unix() + int64(pick(g, hours))*3600 + int64(g.n(3600))
}

// pause returns the seconds between two requests of a visit: mostly none, as a
// page brings its pictures, sometimes the time to read.
func (g *gen) pause() int64 {
	switch g.n(10) {
	case 0:
		return int64(g.between(5, 90))
	case 1, 2:
		return int64(g.between(1, 3))
	default:
		return 0
	}
}

// size returns a size in bytes: small ones are many, large ones few.
func (g *gen) size(low, high int) int64 {
	for high > low && g.n(3) > 0 {
		high = low + (high-low)/3
	}
	return int64(g.between(low, high))
}

// fileSize returns the size of a file, which is always the same.
func fileSize(path string, low, high int) int64 { return newGen(path).size(low, high) }

// client is who visits.
type client struct{ host, user, agent, proto string }

func (g *gen) client() client {
	return client{host: g.host(), agent: pick(g, agents), proto: pick(g, protocols)}
}

func (g *gen) host() string {
	switch n := g.n(100); {
	case n < 8:
		return g.ipv6()
	case n < 12:
		return fmt.Sprintf("%s-%d.%s", one(g, []string{"host", "dsl", "cache", "nat"}), g.n(200), one(g, []string{"isp.example.net", "campus.example.edu", "office.example.com"}))
	default:
		return g.ipv4()
	}
}

// ipv4 returns an address of the ranges for documentation (RFC 5737), with a
// few that come again and again.
func (g *gen) ipv4() string {
	last := g.n(254) + 1
	if g.chance(3) {
		last = 1 + g.n(12)
	}
	return one(g, []string{"192.0.2.", "198.51.100.", "203.0.113."}) + strconv.Itoa(last)
}

// ipv6 returns an address of the range for documentation (RFC 3849).
func (g *gen) ipv6() string {
	if g.chance(4) {
		return fmt.Sprintf("2001:db8::%x", g.n(0xffff))
	}
	return fmt.Sprintf("2001:db8:%x:%x:%x:%x:%x:%x", g.n(64), g.n(16), g.n(0xffff), g.n(0xffff), g.n(0xffff), g.n(0xffff))
}

// hex returns n random hexadecimal digits.
func (g *gen) hex(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = "0123456789abcdef"[g.n(16)]
	}
	return string(b)
}
