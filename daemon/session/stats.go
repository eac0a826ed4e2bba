package session

import (
	"math"
	"sync/atomic"

	"github.com/spreadd/spreadd/wire"
)

// Stats are a server's counters. From Accepted on they only grow.
type Stats struct {
	Sessions   int // open sessions
	Handshakes int // handshakes in progress
	Inbox      int // batches that wait for the owner
	Behind     int // sessions that were behind and have not recovered
	NearlyFull int // sessions that are about to be too slow and have not recovered
	Limit      int // MaxSessionMessages, or 0 if it has no bound
	LimitBytes int // MaxSessionBytes
	// Unpooled is the memory of the queues besides pooled blocks, counted for each session.
	Unpooled int64
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
	Warned     int64                  // times that a session was about to be too slow
	AcceptErrs int64                  // failed attempts to accept a connection
}

type counters struct {
	accepted, opened, received, queued, discarded, warned, acceptErrs atomic.Int64

	ended   [NumEnds]atomic.Int64
	refused [wire.NumReasons]atomic.Int64
}

// Stats returns the counters. It may be called at any time.
func (s *Server) Stats() Stats {
	st := Stats{
		LimitBytes: s.cfg.MaxSessionBytes,
		Unpooled:   s.unpooled.Load(),
		Accepted:   s.count.accepted.Load(),
		Opened:     s.count.opened.Load(),
		Received:   s.count.received.Load(),
		Queued:     s.count.queued.Load(),
		Discarded:  s.count.discarded.Load(),
		Warned:     s.count.warned.Load(),
		AcceptErrs: s.count.acceptErrs.Load(),
	}
	if n := s.MaxSessionMessages(); n < math.MaxInt {
		st.Limit = n
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
	st.Handshakes = s.handshakes.n
	st.Inbox = len(s.inbox)
	for _, sess := range s.sessions {
		w := sess.Waiting()
		st.Waiting.Messages += w.Messages
		st.Waiting.Bytes += w.Bytes
		st.Waiting.Held += w.Held
		st.MaxWaiting.Held = max(st.MaxWaiting.Held, w.Held)
		st.MaxWaiting.Messages = max(st.MaxWaiting.Messages, w.Messages)
		st.MaxWaiting.Bytes = max(st.MaxWaiting.Bytes, w.Bytes)
		if sess.Behind() {
			st.Behind++
		}
		if sess.warned() {
			st.NearlyFull++
		}
	}
	return st
}
