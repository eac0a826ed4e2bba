package prom

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// places bounds the connections. When there are too many, the one that has waited longest for a
// request to arrive is closed, of the address that has most: thousands that only sit there do not
// keep a scrape out.
type places struct {
	mu    sync.Mutex
	conns map[net.Conn]*place
	// others counts the requests in progress that are not scrapes or checks.
	others int
}

// place is one connection.
type place struct {
	address string
	since   time.Time // when it was accepted, or its last request was answered
	busy    bool      // whether a request is being answered
}

// connKey is the key of a connection in the context of its requests.
type connKey struct{}

// note follows the state of a connection, for [http.Server.ConnState].
func (p *places) note(c net.Conn, state http.ConnState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch state {
	case http.StateNew:
		if len(p.conns) >= maxConnections {
			p.evict()
		}
		if len(p.conns) >= maxConnections {
			_ = c.Close()
		}
		host, _, _ := net.SplitHostPort(c.RemoteAddr().String())
		p.conns[c] = &place{address: host, since: time.Now()}
	case http.StateIdle:
		if x := p.conns[c]; x != nil {
			x.since = time.Now()
		}
	case http.StateClosed, http.StateHijacked:
		delete(p.conns, c)
	case http.StateActive:
	}
}

// evict closes a connection that has no request, if there is one. The caller holds the lock.
func (p *places) evict() {
	waiting := make(map[string]int)
	for _, x := range p.conns {
		if !x.busy {
			waiting[x.address]++
		}
	}
	var oldest net.Conn
	for c, x := range p.conns {
		if x.busy {
			continue
		}
		if o := p.conns[oldest]; o == nil || waiting[x.address] > waiting[o.address] || waiting[x.address] == waiting[o.address] && x.since.Before(o.since) {
			oldest = c
		}
	}
	if oldest != nil {
		delete(p.conns, oldest)
		_ = oldest.Close()
	}
}

// connContext gives requests their connection, for [http.Server.ConnContext]. The connection gets its
// place only afterwards.
func connContext(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// take marks a connection as busy while a request is answered. It returns nil if there are too many
// requests of this kind.
func (p *places) take(r *http.Request, kept bool) (release func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !kept && p.others >= maxOthers {
		return nil
	}
	c, _ := r.Context().Value(connKey{}).(net.Conn)
	x := p.conns[c] // nil if the connection has just been closed
	if x != nil {
		x.busy = true
	}
	if !kept {
		p.others++
	}
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if x != nil {
			x.busy, x.since = false, time.Now()
		}
		if !kept {
			p.others--
		}
	}
}
