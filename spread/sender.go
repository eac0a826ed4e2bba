package spread

import (
	"context"
	"net"
	"sync"
)

// sender is the sending half of a connection. It has two buffers: callers fill one while the other
// is being written. What collects during a write leaves with the next one, so that a busy
// connection makes few system calls and an idle one sends at once.
type sender struct {
	nc    net.Conn
	limit int // bytes that fill may grow to, except for one longer message

	mu   sync.Mutex
	work sync.Cond // the writer waits here for bytes or the end
	room sync.Cond // callers wait here for room, or until their bytes are written

	// The fields below are guarded by mu.

	fill     []byte // accepted messages that the writer has not taken yet
	spare    []byte // an empty buffer that the writer does not use
	accepted uint64 // bytes appended to fill since the start
	written  uint64 // bytes taken by the kernel since the start
	closed   bool   // closed by Close or Kill: accept nothing more
	broken   error  // why the connection has failed
	reported bool   // broken has been returned to a caller

	done chan struct{} // closed when the writer has ended
}

func newSender(nc net.Conn, limit int) *sender {
	s := &sender{nc: nc, limit: limit, done: make(chan struct{})}
	s.work.L = &s.mu
	s.room.L = &s.mu
	return s
}

// run is the writer goroutine. It ends when the connection has failed, or is closed with nothing
// left to write.
func (s *sender) run() {
	defer close(s.done)
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		for len(s.fill) == 0 && s.broken == nil && !s.closed {
			s.work.Wait()
		}
		if s.broken != nil || len(s.fill) == 0 {
			return
		}
		out := s.fill
		s.fill, s.spare = s.spare, nil
		s.room.Broadcast() // fill is empty now
		s.mu.Unlock()

		n, err := s.nc.Write(out)

		s.mu.Lock()
		s.spare = out[:0]
		s.written += uint64(n)
		if err != nil && s.broken == nil {
			s.broken = err
		}
		s.room.Broadcast() // wakes callers of flush
	}
}

// add appends a message of size bytes to fill as soon as there is room. build appends it to its
// argument and returns the result.
func (s *sender) add(ctx context.Context, size int, build func(b []byte) []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.wait(ctx, func() bool {
		// An empty buffer takes any message; otherwise a long one would wait forever.
		return len(s.fill) == 0 || len(s.fill)+size <= s.limit
	})
	if err != nil {
		return err
	}
	s.fill = build(s.fill)
	s.accepted += uint64(size)
	s.work.Signal()
	return nil
}

// flush waits until everything accepted before the call has been written.
func (s *sender) flush(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	target := s.accepted
	return s.wait(ctx, func() bool { return s.written >= target })
}

// wait waits until ready returns true, the connection ends or ctx ends. It needs s.mu, which it
// releases meanwhile.
func (s *sender) wait(ctx context.Context, ready func() bool) error {
	if s.closed || s.broken != nil {
		return s.failure()
	}
	if ready() {
		return nil
	}
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, func() {
			s.mu.Lock() // otherwise the broadcast could fall between check and Wait
			defer s.mu.Unlock()
			s.room.Broadcast()
		})
		defer stop()
	}
	for {
		s.room.Wait()
		switch {
		case s.closed || s.broken != nil:
			return s.failure()
		case ready():
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		}
	}
}

// failure returns why nothing can be sent any more, as an [*Error] without an operation. The first
// caller gets ErrConnectionClosed, later ones ErrNetErrorOnSession, as in libspread
// (client-protocol §13). It needs s.mu.
func (s *sender) failure() error {
	switch {
	case s.closed:
		return &Error{Code: ErrIllegalSession, Err: net.ErrClosed}
	case s.reported:
		return &Error{Code: ErrNetErrorOnSession, Err: &Error{Op: "earlier", Code: ErrConnectionClosed, Err: s.broken}}
	default:
		s.reported = true
		return &Error{Code: ErrConnectionClosed, Err: s.broken}
	}
}
