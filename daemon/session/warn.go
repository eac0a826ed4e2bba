package session

import (
	"log/slog"
	"sync"
	"time"
)

// Bounds of the warnings about sessions: a client that reconnects at once must not fill the log.
const (
	warnInterval = 10 * time.Second
	warnMost     = 10 // in an interval
	// informMost bounds what is logged of clients that come and go, in an interval.
	informMost = 200
)

// warnings limits the lines about sessions.
type warnings struct {
	most    int // in an interval
	mu      sync.Mutex
	began   time.Time // of the interval
	count   int       // in the interval
	omitted int       // since the last warning that was logged
}

// allow reports whether a warning may be logged now, and how many were omitted before it.
func (w *warnings) allow(now time.Time) (omitted int, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now.Sub(w.began) >= warnInterval {
		w.began, w.count = now, 0
	}
	w.count++
	if w.count > w.most {
		w.omitted++
		return 0, false
	}
	omitted, w.omitted = w.omitted, 0
	return omitted, true
}

// inform logs that a client has come or gone, with its name and the peer's address. These lines are
// limited to 200 in 10 seconds.
func (s *Session) inform(msg string, attrs ...any) {
	omitted, ok := s.server.visits.allow(time.Now())
	if !ok {
		return
	}
	attrs = append([]any{slog.String("session", s.group.String()), slog.String("peer", peer(s.conn))}, attrs...)
	if omitted > 0 {
		attrs = append(attrs, slog.Int("omitted_lines", omitted))
	}
	s.server.cfg.Log.Info(msg, attrs...) //nolint:sloglint // The callers' messages are constants.
}

// Warn logs a warning about the session with its name and the peer's address. Warnings about
// sessions are limited to 10 in 10 seconds.
func (s *Session) Warn(msg string, attrs ...any) {
	s.server.warn(msg, append([]any{slog.String("session", s.group.String()), slog.String("peer", peer(s.conn))}, attrs...)...)
}

// warn logs a warning about a client, within the limit of all of them.
func (s *Server) warn(msg string, attrs ...any) {
	omitted, ok := s.warnings.allow(time.Now())
	if !ok {
		return
	}
	if omitted > 0 {
		attrs = append(attrs, slog.Int("omitted_warnings", omitted))
	}
	s.cfg.Log.Warn(msg, attrs...) //nolint:sloglint // The callers' messages are constants.
}
