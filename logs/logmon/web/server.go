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
	// maxConnections bounds the open connections; more wait to be accepted. A browser keeps one or
	// two.
	maxConnections = 64
	// requestTimeout bounds the time of reading a request, responseTimeout that of writing the
	// answer.
	requestTimeout  = 5 * time.Second
	responseTimeout = 10 * time.Second
	// idleTimeout is longer than the second between two requests of a page.
	idleTimeout = time.Minute
	// maxRequestHeader bounds a request in bytes.
	maxRequestHeader = 16 << 10
	// closeTimeout bounds pending requests when the server closes.
	closeTimeout = time.Second
)

// Server serves a handler on an address.
type Server struct {
	listener net.Listener
	http     http.Server
}

// Listen binds addr, a host and port such as "127.0.0.1:9806". An empty host means all addresses of
// this host. [Server.Serve] answers the requests. log gets errors of requests.
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

// Close closes a server that has not begun to serve.
func (s *Server) Close() error { return s.listener.Close() }

// Serve answers requests until ctx ends. Pending requests then get another second. It returns an
// error if it ends earlier.
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
