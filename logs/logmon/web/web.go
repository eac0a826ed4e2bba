package web

import (
	"compress/gzip"
	_ "embed" // the page
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/spreadd/spreadd/internal/webpage"
	"github.com/spreadd/spreadd/logs/internal/traffic"
	"github.com/spreadd/spreadd/logs/logmon"
)

// Source provides the views to show. [*logmon.Monitor] implements it.
type Source interface {
	View(traffic.Query) logmon.View
}

// The bounds of requests.
const (
	maxRows     = 200
	usualRows   = 25
	maxRequests = 8 // concurrent requests for data
)

//go:embed page/page.html
var html string

//go:embed page/page.css
var style string

//go:embed page/page.js
var script string

// Handler serves the page and its data.
type Handler struct {
	source Source
	names  []string // besides addresses and localhost
	page   *webpage.Document
	mux    *http.ServeMux
	slots  chan struct{}
}

// NewHandler returns a handler. names are the host names, without ports, that are allowed in the
// Host header, besides addresses and localhost. "*" allows any.
func NewHandler(source Source, names []string) *Handler {
	h := &Handler{source: source, page: webpage.New(html, style, script), mux: http.NewServeMux(), slots: make(chan struct{}, maxRequests)}
	for _, n := range names {
		h.names = append(h.names, strings.ToLower(n))
	}
	h.mux.Handle("GET /{$}", h.page)
	h.mux.HandleFunc("GET /data", h.serveData)
	h.mux.HandleFunc("GET /healthz", h.serveHealth)
	return h
}

// Handle adds another page, such as metrics, under the same rules.
func (h *Handler) Handle(pattern string, other http.Handler) { h.mux.Handle(pattern, other) }

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.page.Protect(w.Header())
	if !h.knows(r.Host) {
		http.Error(w, fmt.Sprintf("%.100q is not an allowed host name; start logmon with -web-name NAME", r.Host), http.StatusMisdirectedRequest)
		return
	}
	h.mux.ServeHTTP(w, r)
}

// knows reports whether a Host header is allowed.
func (h *Handler) knows(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return true
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || slices.Contains(h.names, host) || slices.Contains(h.names, "*")
}

func (h *Handler) serveHealth(w http.ResponseWriter, _ *http.Request) {
	s := h.source.View(traffic.Query{}).State
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if !s.Connected {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = fmt.Fprintf(w, "not connected to %s: %s\n", s.Daemon, s.Error)
		return
	}
	_, _ = fmt.Fprintf(w, "connected to %s\n", s.Daemon)
}

func (h *Handler) serveData(w http.ResponseWriter, r *http.Request) {
	q, err := query(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	default:
		http.Error(w, "too many requests at once; try again", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Vary", "Accept-Encoding")
	var out io.Writer = w
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		z, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		defer func() { _ = z.Close() }() // an error means that the client has gone
		out = z
	}
	_ = json.NewEncoder(out).Encode(h.source.View(q)) // the same
}

// query parses the parameters of a request for data.
func query(r *http.Request) (traffic.Query, error) {
	v := r.URL.Query()
	q := traffic.Query{
		VHost: v.Get("vhost"), History: true, Pages: usualRows, Sessions: usualRows, VHosts: usualRows,
		PageOrder: traffic.ByRate, VHostOrder: traffic.ByRate, ServerOrder: traffic.ByRate, SessionOrder: traffic.ByRecent,
	}
	if text := v.Get("rows"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxRows {
			return q, fmt.Errorf("rows is %.20q: want 1 to %d", text, maxRows)
		}
		q.Pages, q.Sessions, q.VHosts = n, n, n
	}
	if text := v.Get("since"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			return q, fmt.Errorf("since is %.20q: want seconds since 1970", text)
		}
		q.Since = n
	}
	for _, o := range []struct {
		key  string
		to   *traffic.Order
		from []traffic.Order
	}{
		{"pages", &q.PageOrder, traffic.RowOrders()},
		{"servers", &q.ServerOrder, traffic.RowOrders()},
		{"vhosts", &q.VHostOrder, traffic.VHostOrders()},
		{"sessions", &q.SessionOrder, traffic.SessionOrders()},
	} {
		text := v.Get(o.key)
		if text == "" {
			continue
		}
		order, err := traffic.ParseOrder(text)
		if err != nil || !slices.Contains(o.from, order) {
			return q, fmt.Errorf("cannot sort %s by %.20q: want one of %v", o.key, text, o.from)
		}
		*o.to = order
	}
	return q, nil
}
