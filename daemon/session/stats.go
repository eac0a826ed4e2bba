package session

import (
	"fmt"
	"sync/atomic"

	"github.com/spreadd/spreadd/wire"
)

// End says why a connection ended. The zero value is none.
type End uint8

// The ends of a handshake, then those of a session.
const (
	// HandshakeQuota: MaxSessions are open.
	HandshakeQuota End = iota + 1
	// HandshakeVersion: a client below 3.1.0.
	HandshakeVersion
	// HandshakeName: a name that is too long or has an illegal byte.
	HandshakeName
	// HandshakeNotUnique: the name is taken.
	HandshakeNotUnique
	// HandshakeAuth: a method that is not allowed, or failed.
	HandshakeAuth
	// HandshakeTimeout: no complete handshake in time.
	HandshakeTimeout
	// HandshakeClosed: the client closed, or the connection failed.
	HandshakeClosed
	// HandshakeEvicted: the oldest of too many handshakes.
	HandshakeEvicted

	// SessionKill: the client asked for it.
	SessionKill
	// SessionClosed: the client closed, or the connection failed.
	SessionClosed
	// SessionIllegal: a header that the protocol forbids.
	SessionIllegal
	// SessionSlow: MaxSessionMessages waited and the client did not read.
	SessionSlow
	// SessionShutdown: the daemon stops.
	SessionShutdown

	numEnds
)

// NumEnds is one more than the largest end.
const NumEnds = int(numEnds)

// String returns a short name, fit for a label.
func (e End) String() string {
	switch e {
	case HandshakeQuota:
		return "handshake_quota"
	case HandshakeVersion:
		return "handshake_version"
	case HandshakeName:
		return "handshake_name"
	case HandshakeNotUnique:
		return "handshake_not_unique"
	case HandshakeAuth:
		return "handshake_auth"
	case HandshakeTimeout:
		return "handshake_timeout"
	case HandshakeClosed:
		return "handshake_closed"
	case HandshakeEvicted:
		return "handshake_evicted"
	case SessionKill:
		return "kill"
	case SessionClosed:
		return "closed"
	case SessionIllegal:
		return "illegal"
	case SessionSlow:
		return "slow"
	case SessionShutdown:
		return "shutdown"
	case numEnds:
	}
	return fmt.Sprintf("End(%d)", uint8(e))
}

// Stats are a server's counters. From Accepted on they only grow.
type Stats struct {
	Sessions   int // open now, from the name on
	Handshakes int // going on now
	Inbox      int // batches of messages that wait for the owner
	Behind     int // sessions that were behind and have not recovered
	Limit      int // MaxSessionMessages
	// Waiting is what is queued for all clients, MaxWaiting the largest of each
	// number for a single one.
	Waiting, MaxWaiting Waiting

	Accepted   int64
	Opened     int64
	Ended      [NumEnds]int64         // by reason
	Refused    [wire.NumReasons]int64 // headers, by reason
	Received   int64                  // messages from clients
	Queued     int64                  // messages to clients; one for each receiver
	Discarded  int64                  // of them, thrown away with their session
	AcceptErrs int64
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
