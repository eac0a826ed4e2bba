package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"
)

// The bounds of the server.
const (
	// maxConnections are open at a time; more wait to be accepted. A browser
	// keeps one or two.
	maxConnections = 64
	// requestTimeout is for how long a client may take to say what it wants,
	// responseTimeout how long it has from then on until it has read the answer.
	requestTimeout  = 5 * time.Second
	responseTimeout = 10 * time.Second
	// idleTimeout is longer than the second between two requests of a page.
	idleTimeout = time.Minute
	// maxRequestHeader bounds a request, in bytes.
	maxRequestHeader = 16 << 10
	// closeTimeout is for how long a request may go on when the server closes.
	closeTimeout = time.Second
)

// Server serves a handler on an address.
type Server struct {
	listener net.Listener
	http     http.Server
}

// Listen binds addr, a host and port as in "127.0.0.1:9806"; an empty host means
// all addresses of this host. Requests are answered once [Server.Serve] runs. log
// hears of requests that fail.
func Listen(ctx context.Context, addr string, h http.Handler, log *slog.Logger) (*Server, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listening for browsers on %s: %w", addr, err)
	}
	return &Server{
		listener: l,
		http: http.Server{
			Handler:           h,
			ReadHeaderTimeout: requestTimeout,
			ReadTimeout:       requestTimeout,
			WriteTimeout:      requestTimeout + responseTimeout,
			IdleTimeout:       idleTimeout,
			MaxHeaderBytes:    maxRequestHeader,
			ErrorLog:          slog.NewLogLogger(log.With(slog.String("part", "web")).Handler(), slog.LevelWarn),
		},
	}, nil
}

// Addr returns the address that the server listens on.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Serve answers requests until ctx ends; requests that go on get a second then. It returns an error
// if it ends before.
func (s *Server) Serve(ctx context.Context) error {
	done := make(chan error, 1)
	go func() { done <- s.http.Serve(netutil.LimitListener(s.listener, maxConnections)) }()
	select {
	case err := <-done:
		return fmt.Errorf("serving %v: %w", s.Addr(), err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	err := s.http.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	if e := <-done; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return err
}
