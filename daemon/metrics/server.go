package metrics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/net/netutil"
)

// The bounds of the server. A scrape is one short request a few times a minute.
const (
	// maxConnections are open at a time; more wait to be accepted.
	maxConnections = 32
	// maxScrapes run at a time; more are refused with 503.
	maxScrapes = 4
	// scrapeTimeout is for how long a scrape waits for the daemon, then it gets
	// 503: Prometheus gives up after 10 s by default.
	scrapeTimeout = 10 * time.Second
	// requestTimeout is for how long a client may take to say what it wants,
	// responseTimeout how long it has from then on until it has read the answer.
	requestTimeout  = 5 * time.Second
	responseTimeout = 30 * time.Second
	// idleTimeout is longer than the usual times between scrapes, so that these
	// keep their connection.
	idleTimeout = 2 * time.Minute
	// maxRequestHeader bounds a request, in bytes.
	maxRequestHeader = 16 << 10
	// closeTimeout is for how long a scrape may go on when the server closes.
	closeTimeout = time.Second
)

const index = `<!doctype html>
<html lang="en"><title>spreadd</title>
<h1>spreadd</h1>
<p><a href="/metrics">Metrics</a> for Prometheus.</p>
</html>
`

// Server serves /metrics, and an index that leads to it.
type Server struct {
	listener net.Listener
	http     http.Server
}

// Listen binds addr, a host and port as in "127.0.0.1:9803"; an empty host
// means all addresses of this host. Requests are answered once [Server.Serve]
// runs. log hears of requests that fail.
func Listen(ctx context.Context, addr string, cfg Config, log *slog.Logger) (*Server, error) {
	reg := prometheus.NewRegistry()
	for _, c := range []prometheus.Collector{
		NewCollector(cfg),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("registering metrics: %w", err)
		}
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listening for Prometheus on %s: %w; choose another address with -metrics", addr, err)
	}
	errorLog := slog.NewLogLogger(log.With(slog.String("part", "metrics")).Handler(), slog.LevelWarn)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{
		ErrorLog:            errorLog,
		ErrorHandling:       promhttp.HTTPErrorOnError,
		MaxRequestsInFlight: maxScrapes,
		Timeout:             scrapeTimeout,
		EnableOpenMetrics:   true,
	}))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, index) // who has gone does not read it
	})
	return &Server{
		listener: l,
		http: http.Server{
			Handler:           mux,
			ReadHeaderTimeout: requestTimeout,
			ReadTimeout:       requestTimeout,
			WriteTimeout:      responseTimeout,
			IdleTimeout:       idleTimeout,
			MaxHeaderBytes:    maxRequestHeader,
			ErrorLog:          errorLog,
		},
	}, nil
}

// Addr returns the address that the server listens on.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Serve answers requests until Close. It returns an error if it ends before.
func (s *Server) Serve() error {
	err := s.http.Serve(netutil.LimitListener(s.listener, maxConnections))
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serving metrics on %v: %w", s.Addr(), err)
}

// Close ends Serve; a scrape that goes on gets a second to complete. It may be
// called also when Serve was never.
func (s *Server) Close() error {
	ctx, stop := context.WithTimeout(context.Background(), closeTimeout)
	defer stop()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	if e := s.listener.Close(); e != nil && !errors.Is(e, net.ErrClosed) {
		err = errors.Join(err, e) // it is still ours if Serve was never called
	}
	return err
}
