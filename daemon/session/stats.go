package session

import (
	"sync/atomic"

	"github.com/spreadd/spreadd/wire"
)

//go:generate go tool -modfile=../../.ci/tools/go.mod stringer -type=End -linecomment

// End is the reason why a connection ended. The zero value is none.
type End uint8

// The ends of a handshake, then those of a session. The comment at the end of a line is the name in
// logs and metrics.
const (
	// HandshakeQuota means that MaxSessions are open.
	HandshakeQuota End = iota + 1 // handshake_quota
	// HandshakeVersion means a client version below 3.1.0.
	HandshakeVersion // handshake_version
	// HandshakeName means that the name is too long or has an illegal byte.
	HandshakeName // handshake_name
	// HandshakeNotUnique means that the name is taken.
	HandshakeNotUnique // handshake_not_unique
	// HandshakeAuth means that an authentication method failed or is not allowed.
	HandshakeAuth // handshake_auth
	// HandshakeTimeout means that the handshake was not complete in time.
	HandshakeTimeout // handshake_timeout
	// HandshakeClosed means that the client closed the connection or it failed.
	HandshakeClosed // handshake_closed
	// HandshakeEvicted means that it was the oldest of too many handshakes.
	HandshakeEvicted // handshake_evicted

	// SessionKill means that the client requested its disconnect.
	SessionKill // kill
	// SessionClosed means that the client closed the connection or it failed.
	SessionClosed // closed
	// SessionIllegal means that the client sent a header that the protocol forbids.
	SessionIllegal // illegal
	// SessionSlow means that MaxSessionMessages waited and the client did not read.
	SessionSlow // slow
	// SessionShutdown means that the daemon stopped.
	SessionShutdown // shutdown

	numEnds
)

// NumEnds is one more than the largest end.
const NumEnds = int(numEnds)

// Stats are a server's counters. From Accepted on they only grow.
type Stats struct {
	Sessions   int // open sessions, including handshakes that have a name
	Handshakes int // handshakes in progress
	Inbox      int // batches that wait for the owner
	Behind     int // sessions that were behind and have not recovered
	Limit      int // MaxSessionMessages
	// Waiting is what is queued for all clients together. MaxWaiting is the largest of each number
	// for a single client.
	Waiting, MaxWaiting Waiting

	Accepted   int64                  // accepted connections
	Opened     int64                  // handshakes that succeeded
	Ended      [NumEnds]int64         // ended connections, by reason
	Refused    [wire.NumReasons]int64 // refused headers, by reason
	Received   int64                  // messages from clients
	Queued     int64                  // messages to clients, counted for each receiver
	Discarded  int64                  // those of them that were discarded when their session ended
	AcceptErrs int64                  // failed attempts to accept a connection
}

type counters struct {
	accepted, opened, received, queued, discarded, acceptErrs atomic.Int64

	ended   [NumEnds]atomic.Int64
	refused [wire.NumReasons]atomic.Int64
}

// Stats returns the counters. It may be called at any time.
func (s *Server) Stats() Stats {
	st := Stats{
		Limit:      s.MaxSessionMessages(),
		Accepted:   s.count.accepted.Load(),
		Opened:     s.count.opened.Load(),
		Received:   s.count.received.Load(),
		Queued:     s.count.queued.Load(),
		Discarded:  s.count.discarded.Load(),
		AcceptErrs: s.count.acceptErrs.Load(),
	}
	for i := range st.Ended {
		st.Ended[i] = s.count.ended[i].Load()
	}
	for i := range st.Refused {
		st.Refused[i] = s.count.refused[i].Load()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st.Sessions = len(s.names)
	st.Handshakes = s.handshakes.len()
	st.Inbox = len(s.inbox)
	for _, sess := range s.sessions {
		w := sess.Waiting()
		st.Waiting.Messages += w.Messages
		st.Waiting.Bytes += w.Bytes
		st.MaxWaiting.Messages = max(st.MaxWaiting.Messages, w.Messages)
		st.MaxWaiting.Bytes = max(st.MaxWaiting.Bytes, w.Bytes)
		if sess.Behind() {
			st.Behind++
		}
	}
	return st
}
