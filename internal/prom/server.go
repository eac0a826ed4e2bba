package prom

import (
	"context"
	"errors"
	"fmt"
	"html"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/spreadd/spreadd/internal/flags"
)

// The bounds of the server. A scrape is one short request a few times a minute.
const (
	// maxConnections are open at a time. For one more, one that waits is closed.
	maxConnections = 128
	// maxOthers are the requests at a time that are neither scrapes nor checks. The places between
	// the two numbers are kept for those.
	maxOthers = 96
	// maxScrapes run at a time; more are refused with 503.
	maxScrapes = 4
	// scrapeTimeout is how long a scrape waits for the program before it gets 503. Prometheus gives
	// up after 10 s by default.
	scrapeTimeout = 10 * time.Second
	// requestTimeout bounds the time until a request has arrived, responseTimeout the time from
	// then until the client has read the answer.
	requestTimeout  = 5 * time.Second
	responseTimeout = 30 * time.Second
	// idleTimeout is longer than the usual scrape interval, so that scrapes keep their connection.
	idleTimeout = 2 * time.Minute
	// maxRequestHeader bounds a request, in bytes.
	maxRequestHeader = 16 << 10
	// closeTimeout is how long a scrape may continue when the server closes.
	closeTimeout = time.Second
)

const index = `<!doctype html>
<html lang="en"><title>%[1]s</title>
<h1>%[1]s</h1>
<ul>
<li><a href="/metrics">Metrics</a> for Prometheus</li>
%[2]s<li><a href="/healthz">Is it alive?</a> <a href="/readyz">Is it ready?</a></li>
</ul>
</html>
`

// AddressFlag adds the flag of a program that serves what its help says. The port is an example.
func AddressFlag(s *flags.Set, addr *string, name, what string, port int) {
	help := fmt.Sprintf("serve %s on this address, or on this port of the loopback address, such as %d (default: off)", what, port)
	flags.Var(s, addr, name, "ADDRESS", help, func(text string) (string, error) {
		if text == "" {
			return "", nil
		}
		return Address(text), CheckAddress(text)
	})
}

// CheckAddress checks the form of an address for [Listen].
func CheckAddress(addr string) error {
	_, _, err := net.SplitHostPort(Address(addr))
	if err != nil {
		return fmt.Errorf("%q is not an address with a port, such as 127.0.0.1:9803, or a port", addr)
	}
	return nil
}

// Address returns an address with a host: a port alone is one of the loopback address.
func Address(text string) string {
	if _, err := strconv.ParseUint(text, 10, 16); err == nil {
		return net.JoinHostPort("127.0.0.1", text)
	}
	return text
}

// Config says what is served.
type Config struct {
	// Program is its name, for the index.
	Program string
	// Collector has its metrics; those of the Go runtime and of the process come with them.
	Collector prometheus.Collector
	// Log gets failed requests.
	Log *slog.Logger
	// Alive and Ready, if not nil, say what keeps the program from working, and from serving, for
	// /healthz and /readyz. Without them a program that answers is alive, and ready if it is alive.
	Alive, Ready func(context.Context) error
	// Status, if not nil, returns the state of the program, which /status answers as JSON.
	Status func(context.Context) (any, error)
	// Pages are parts of that, by path.
	Pages map[string]func(*http.Request) (any, error)
	// Profiles adds the profiles of the Go runtime at /debug/pprof/.
	Profiles bool
	// Page, if not nil, is where the program serves its page, for the index.
	Page net.Addr
	// Mount, if not nil, adds further handlers in place of the index. They must answer within 30 s
	// unless they set another deadline ([http.ResponseController]).
	Mount func(*http.ServeMux)
}

// Server serves /metrics, /healthz, /readyz, what its [Config] adds, and an index that links to them.
type Server struct {
	listener net.Listener
	http     http.Server
	log      *slog.Logger
}

// Listen binds addr, a host and port as in "127.0.0.1:9803". A port alone means the loopback address,
// an empty host all addresses of this host. Requests are answered once [Server.Serve] or
// [Server.Start] runs.
func Listen(ctx context.Context, addr string, cfg Config) (*Server, error) {
	reg := prometheus.NewRegistry()
	for _, c := range []prometheus.Collector{
		cfg.Collector,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("cannot register metrics: %w", err)
		}
	}
	if err := ctx.Err(); err != nil { // of a name in the file of hosts the standard library does not always ask
		return nil, fmt.Errorf("cannot serve metrics on %s: %w", addr, err)
	}
	addr = Address(addr)
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("cannot serve metrics on %s: %w; choose another address", addr, err)
	}
	errorLog := slog.NewLogLogger(cfg.Log.With(slog.String("part", "metrics")).Handler(), slog.LevelWarn)
	p := &places{conns: make(map[net.Conn]*place)}
	return &Server{
		listener: l,
		log:      cfg.Log,
		http: http.Server{
			Handler:           newGuard(cfg.routes(reg, errorLog), p, addr),
			ReadHeaderTimeout: requestTimeout,
			ReadTimeout:       requestTimeout,
			WriteTimeout:      responseTimeout,
			IdleTimeout:       idleTimeout,
			MaxHeaderBytes:    maxRequestHeader,
			ErrorLog:          errorLog,
			ConnState:         p.note,
			ConnContext:       connContext,
		},
	}, nil
}

// routes returns the pages.
func (cfg *Config) routes(reg *prometheus.Registry, errorLog *log.Logger) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{
		ErrorLog:            errorLog,
		ErrorHandling:       promhttp.HTTPErrorOnError,
		MaxRequestsInFlight: maxScrapes,
		Timeout:             scrapeTimeout,
		EnableOpenMetrics:   true,
	}))
	alive, ready := cfg.Alive, cfg.Ready
	if alive == nil {
		alive = func(context.Context) error { return nil }
	}
	if ready == nil {
		ready = alive
	}
	mux.Handle("GET /healthz", check(alive))
	mux.Handle("GET /readyz", check(ready))
	links := ""
	if cfg.Status != nil {
		mux.Handle("GET /status", JSON(func(r *http.Request) (any, error) { return cfg.Status(r.Context()) }))
		links = "<li><a href=\"/status\">State</a> as JSON</li>\n"
	}
	for path, page := range cfg.Pages {
		mux.Handle("GET "+path, JSON(page))
	}
	if cfg.Profiles {
		profiles(mux)
	}
	if cfg.Mount != nil {
		cfg.Mount(mux)
	} else {
		mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = fmt.Fprintf(w, index, cfg.Program, cfg.pageLink(r.Host)+links) // the client may have gone
		})
	}
	return mux
}

// pageLink returns the entry of the index for the page. If that listens on all addresses, it is at the
// host that the client asked.
func (cfg *Config) pageLink(asked string) string {
	if cfg.Page == nil {
		return ""
	}
	host, port, _ := net.SplitHostPort(cfg.Page.String())
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
		host = asked
		if name, _, err := net.SplitHostPort(asked); err == nil {
			host = name
		}
		host = strings.Trim(host, "[]")
	}
	link := url.URL{Scheme: "http", Host: net.JoinHostPort(host, port), Path: "/"}
	return fmt.Sprintf("<li><a href=\"%s\">Page</a> for people</li>\n", html.EscapeString(link.String()))
}

// Addr returns the address that the server listens on.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Serve answers requests until Close. It returns an error if it ends earlier.
func (s *Server) Serve() error {
	err := s.http.Serve(s.listener)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("cannot serve metrics on %v: %w", s.Addr(), err)
}

// Start answers requests in the background until end is called, which returns when everything is
// closed. Errors are logged: the program works without metrics, too.
func (s *Server) Start() (end func()) {
	s.log.Info("serving metrics", slog.String("address", s.Addr().String()))
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := s.Serve(); err != nil {
			s.log.Error("metrics server failed", slog.Any("error", err))
		}
	})
	return func() {
		if err := s.Close(); err != nil {
			s.log.Warn("cannot close the metrics server", slog.Any("error", err))
		}
		serving.Wait()
	}
}

// Close ends Serve. A scrape in progress gets a second to complete. Close may be called without
// Serve.
func (s *Server) Close() error {
	ctx, stop := context.WithTimeout(context.Background(), closeTimeout)
	defer stop()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	if e := s.listener.Close(); e != nil && !errors.Is(e, net.ErrClosed) {
		err = errors.Join(err, e) // Serve closes it, but may never have been called
	}
	return err
}
