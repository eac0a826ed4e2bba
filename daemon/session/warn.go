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
)

// warnings limits the warnings about sessions.
type warnings struct {
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
	if w.count > warnMost {
		w.omitted++
		return 0, false
	}
	omitted, w.omitted = w.omitted, 0
	return omitted, true
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
