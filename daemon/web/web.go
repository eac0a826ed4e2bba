package web

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/daemon/monitor"
	"github.com/spreadd/spreadd/daemon/status"
	"github.com/spreadd/spreadd/internal/prom"
	"github.com/spreadd/spreadd/internal/webpage"
)

// Source is the daemon that is shown. [*daemon.Daemon] implements it.
type Source interface {
	Status(ctx context.Context) (*status.Status, error)
	SessionPage(ctx context.Context, q daemon.PageQuery) (*status.Sessions, error)
	GroupPage(ctx context.Context, q daemon.PageQuery) (*status.Groups, error)
	Alive(ctx context.Context) error
	Serving(ctx context.Context) error
	NoteRoundTrips(times map[string]time.Duration)
}

// Config says what is served.
type Config struct {
	Source Source
	// Metrics are those of the daemon.
	Metrics prometheus.Collector
	// Profiles adds the profiles of the Go runtime.
	Profiles bool
	// Monitor returns how to ask the other daemons, with the configuration in force.
	Monitor func() monitor.Config
	Log     *slog.Logger
}

// Server returns what to serve.
func (c *Config) Server() prom.Config {
	s := &server{source: c.Source, rates: newRates(), cluster: cluster{ask: c.Monitor}}
	s.overview.server = s
	page := webpage.New(html, style, script)
	return prom.Config{
		Program: "spreadd", Collector: c.Metrics, Log: c.Log, Profiles: c.Profiles,
		Alive: c.Source.Alive, Ready: c.Source.Serving,
		Status: func(ctx context.Context) (any, error) { return s.status(ctx) },
		Pages: map[string]func(*http.Request) (any, error){
			"/status/overview": func(r *http.Request) (any, error) { return s.overview.get(r.Context()) },
			"/status/cluster":  func(r *http.Request) (any, error) { return s.all(r.Context()) },
			"/status/sessions": func(r *http.Request) (any, error) { return s.sessions(r.Context(), r.URL.Query()) },
			"/status/groups":   func(r *http.Request) (any, error) { return s.groups(r.Context(), r.URL.Query()) },
		},
		Mount: func(mux *http.ServeMux) { mux.Handle("GET /{$}", page) },
	}
}

type server struct {
	source   Source
	rates    *rates
	cluster  cluster
	overview overview
}

// status returns the state with the first pages.
func (s *server) status(ctx context.Context) (*status.Status, error) {
	st, err := s.source.Status(ctx)
	if err != nil {
		return nil, err
	}
	sessions, err := s.sessions(ctx, nil)
	if err != nil {
		return nil, err
	}
	groups, err := s.groups(ctx, nil)
	if err != nil {
		return nil, err
	}
	st.Sessions, st.Groups = *sessions, *groups
	return st, nil
}

func (s *server) sessions(ctx context.Context, v url.Values) (*status.Sessions, error) {
	q, err := query(v)
	if err != nil {
		return nil, err
	}
	page, err := s.source.SessionPage(ctx, q)
	if err == nil {
		s.rates.sessions(page.List)
	}
	return page, err
}

func (s *server) groups(ctx context.Context, v url.Values) (*status.Groups, error) {
	q, err := query(v)
	if err != nil {
		return nil, err
	}
	page, err := s.source.GroupPage(ctx, q)
	if err == nil {
		s.rates.groups(page.List)
	}
	return page, err
}

// query reads the parameters of a page.
func query(v url.Values) (daemon.PageQuery, error) {
	q := daemon.PageQuery{Group: v.Get("group"), Session: v.Get("session"), After: v.Get("after")}
	for name := range v {
		switch name {
		case "group", "session", "after", "limit":
		default:
			return q, prom.BadRequest(fmt.Sprintf("unknown parameter %q: want group, session, after or limit", name))
		}
	}
	var err error
	q.Limit, err = prom.PageLimit(v)
	return q, err
}
