package session

import (
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/wire"
)

// Session is one client's connection after its handshake.
type Session struct {
	server      *Server
	conn        net.Conn
	from        source
	id          ID
	name        string    // private name
	group       wire.Name // "#name#daemon"
	peer        Credentials
	memberships bool                      // whether the client wants membership messages
	version     wire.Version              // of its library
	since       time.Time                 // when it was accepted
	sent        atomic.Int64              // messages from the client
	sentBytes   atomic.Int64              // their bytes
	dropped     atomic.Uint32             // the End of the session, or 0
	left        atomic.Bool               // whether the client was seen to have closed the connection
	parked      atomic.Pointer[buf.Block] // of the waiter
	out         output
}

// ID returns the number of the session.
func (s *Session) ID() ID { return s.id }

// Group returns the private group, "#name#daemon".
func (s *Session) Group() wire.Name { return s.group }

// Memberships reports whether the client wants membership messages.
func (s *Session) Memberships() bool { return s.memberships }

// Left reports whether the client has closed the connection before all that it has sent was read. It is
// noticed only while the client has to wait ([Batch.Return]).
func (s *Session) Left() bool { return s.left.Load() }

// announce reports the session to the owner. It returns false if the server is stopping.
func (s *Session) announce() bool {
	b := s.server.batch(s, Opened)
	return s.server.send(b)
}

// run is the life of a session after its handshake. It sends the accept message, lets the writer
// run, and reads until the end.
func (s *Session) run(accept []byte) {
	end := SessionClosed
	if _, err := s.conn.Write(accept); err == nil {
		s.out.start()
		r := reader{session: s}
		end = r.run()
	}
	s.Drop(end)
	end = End(s.dropped.Load()) // The owner may have dropped the session before, for another reason.
	s.inform("client disconnected", slog.String("reason", end.String()), slog.Duration("after", time.Since(s.since).Round(time.Millisecond)))
	b := s.server.batch(s, Gone)
	b.End = end
	s.server.send(b)
}

// Drop ends the connection: nothing is read from the client or written to it any more, and what is
// queued is discarded. Only the first call has an effect and returns true. The name stays taken
// until [Server.End].
func (s *Session) Drop(end End) bool {
	if !s.dropped.CompareAndSwap(0, uint32(end)) {
		return false
	}
	s.server.count.ended[end].Add(1)
	s.out.close()
	// A client that has requested its disconnect may wait for the close as a sign that the
	// disconnect has its place in the order. Server.End closes the connection then.
	if end != SessionKill {
		_ = s.conn.Close()
	}
	return true
}
