package web

import (
	"context"
	_ "embed" // the page
	"sync"
	"time"

	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/daemon/status"
)

//go:embed page/page.html
var html string

//go:embed page/page.css
var style string

//go:embed page/page.js
var script string

// maxShown bounds the clients and groups of the page. It counts the rest.
const maxShown = 20

// Overview is what the page shows.
type Overview struct {
	// Status is the state of this daemon, with the clients for which most waits and the groups to which
	// most was sent.
	Status *status.Status `json:"status"`
	// Cluster is the state of all daemons; nil if they could not be asked, for the reason Error.
	Cluster *status.Cluster `json:"cluster,omitempty"`
	Error   string          `json:"error,omitempty"`
}

// overview makes what the page shows, at most once in clusterAge: it costs the daemon the same for one
// viewer and for many.
type overview struct {
	server *server

	mu   sync.Mutex
	at   time.Time
	last *Overview
}

func (o *overview) get(ctx context.Context) (*Overview, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.last != nil && time.Since(o.at) < clusterAge {
		return o.last, nil
	}
	made, err := o.server.look(ctx)
	if err != nil {
		return nil, err
	}
	o.at, o.last = time.Now(), made
	return made, nil
}

// look collects what the page shows.
func (s *server) look(ctx context.Context) (*Overview, error) {
	st, err := s.source.Status(ctx)
	if err != nil {
		return nil, err
	}
	q := daemon.PageQuery{Top: true, Limit: maxShown}
	sessions, err := s.source.SessionPage(ctx, q)
	if err != nil {
		return nil, err
	}
	groups, err := s.source.GroupPage(ctx, q)
	if err != nil {
		return nil, err
	}
	s.rates.sessions(sessions.List)
	s.rates.groups(groups.List)
	st.Sessions, st.Groups = *sessions, *groups
	o := &Overview{Status: st}
	if o.Cluster, err = s.all(ctx); err != nil {
		o.Error = err.Error()
	}
	return o, nil
}
