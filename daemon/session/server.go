package session

import (
	"container/list"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/wire"
)

// ID is the number of a session, never used twice in one server.
type ID uint64

// Server accepts clients and keeps their sessions.
type Server struct {
	cfg   Config
	inbox chan *Batch
	// recovered says that some session is not behind any more.
	recovered chan struct{}
	// done is closed when the server stops: nobody waits for the owner then.
	done    chan struct{}
	batches sync.Pool
	count   counters
	lastID  atomic.Uint64
	// auth and maxMessages are of the Config, and may change.
	auth        atomic.Pointer[Auth]
	maxMessages atomic.Int64
	running     sync.WaitGroup // of all goroutines but the listeners'

	mu         sync.Mutex
	names      map[string]bool // private names in use
	handshakes ageList
	sessions   map[ID]*Session // live, for Close
	listeners  map[net.Listener]bool
	closed     bool
}

// New returns a server that listens nowhere yet.
func New(cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg:       cfg,
		inbox:     make(chan *Batch, inboxBatches),
		recovered: make(chan struct{}, 1),
		done:      make(chan struct{}),
		names:     make(map[string]bool),
		sessions:  make(map[ID]*Session),
		listeners: make(map[net.Listener]bool),
	}
	s.auth.Store(&cfg.Auth)
	s.maxMessages.Store(int64(cfg.MaxSessionMessages))
	return s, nil
}

// Inbox returns the channel of what clients send.
func (s *Server) Inbox() <-chan *Batch { return s.inbox }

// Recovered returns a channel on which something comes when a session of which
// [Session.Flush] said that it is behind is so no more, or has ended.
func (s *Server) Recovered() <-chan struct{} { return s.recovered }

// acceptPause is how long the acceptor waits when the system has no more
// descriptors or memory: long enough not to spin, short enough to go unnoticed
// when some are free again.
const acceptPause = 20 * time.Millisecond

// Serve accepts clients on l until the server or the listener is closed. It
// returns nil after [Server.Close], else the listener's error.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return errors.Join(net.ErrClosed, l.Close())
	}
	s.listeners[l] = true
	s.mu.Unlock()
	failing := false
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			failing = false
			s.count.accepted.Add(1)
			s.greet(conn)
			continue
		case s.isClosed():
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accepting clients on %v: %w", l.Addr(), err)
		}
		// Out of descriptors, or a client that was gone before it was
		// accepted: neither is a reason to stop.
		s.count.acceptErrs.Add(1)
		if !failing {
			failing = true
			s.cfg.Log.Warn("cannot accept clients, trying on; if descriptors ran out, raise the limit (ulimit -n)",
				slog.String("listener", l.Addr().String()), slog.Any("error", err))
		}
		select {
		case <-s.done:
			return nil
		case <-time.After(acceptPause):
		}
	}
}

func (s *Server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// greet starts the handshake with a new connection, or refuses it.
func (s *Server) greet(conn net.Conn) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		_ = conn.Close() // there is nobody to tell
		return
	}
	s.running.Add(1)
	full := len(s.names) >= s.cfg.MaxSessions
	var evicted net.Conn
	if s.handshakes.len() >= s.cfg.MaxHandshakes {
		evicted = s.handshakes.oldest()
	}
	place := s.handshakes.add(conn)
	s.mu.Unlock()
	if evicted != nil {
		// Its goroutine sees the read fail. That it was evicted is counted
		// here, where it is known.
		s.ended(HandshakeEvicted, evicted)
		_ = evicted.Close()
	}
	go func() {
		defer s.running.Done()
		s.shakeHands(conn, place, full)
	}()
}

// shakeHands runs the handshake and, if it succeeds, the session's reader.
func (s *Server) shakeHands(conn net.Conn, place *list.Element, full bool) {
	tune(conn)
	h := handshake{server: s, conn: conn}
	// A connection whose deadline cannot be set is broken: the read says so.
	_ = conn.SetDeadline(time.Now().Add(s.cfg.HandshakeTimeout))
	sess, end := h.run(full)
	s.mu.Lock()
	evicted := !s.handshakes.remove(place)
	s.mu.Unlock()
	if end != 0 {
		if h.private != "" {
			s.release(h.private)
		}
		if !evicted {
			s.ended(end, conn)
		}
		h.farewell()
		_ = conn.Close()
		return
	}
	_ = conn.SetDeadline(time.Time{})
	sess.run(h.acceptMessage())
}

// ended counts the end of a connection.
func (s *Server) ended(end End, conn net.Conn) {
	s.count.ended[end].Add(1)
	s.cfg.Log.Debug("connection ended", slog.String("reason", end.String()), slog.String("peer", peer(conn)))
}

// peer names the other side of a connection for a log.
func peer(conn net.Conn) string {
	if a := conn.RemoteAddr(); a != nil && a.String() != "" {
		return a.String()
	}
	return "local"
}

// claim takes a private name for a connection: the one that it wishes or, if
// that is empty, one that is made up.
func (s *Server) claim(wish string) (string, End) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.names) >= s.cfg.MaxSessions {
		return "", HandshakeQuota
	}
	name := wish
	for name == "" {
		made := fmt.Sprintf("r%d-%d", rand.IntN(9999), rand.IntN(999))
		if !s.names[made] {
			name = made
		}
	}
	if s.names[name] {
		return "", HandshakeNotUnique
	}
	s.names[name] = true
	return name, 0
}

func (s *Server) release(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.names, name)
}

// open makes a session of a connection that has shaken hands.
func (s *Server) open(conn net.Conn, name string, group wire.Name, memberships bool) *Session {
	sess := &Session{
		server:      s,
		conn:        conn,
		id:          ID(s.lastID.Add(1)),
		name:        name,
		group:       group,
		memberships: memberships,
	}
	sess.out.init(sess)
	s.mu.Lock()
	s.sessions[sess.id] = sess
	s.mu.Unlock()
	s.count.opened.Add(1)
	s.cfg.Log.Debug("session opened", slog.String("session", group.String()), slog.String("peer", peer(conn)), slog.Bool("memberships", memberships))
	return sess
}

// End forgets a session whose removal has been ordered: its name is free from
// now on, and its connection is closed. What was queued for it is discarded.
func (s *Server) End(sess *Session) {
	sess.Drop(SessionClosed)
	sess.out.forget()
	s.mu.Lock()
	delete(s.sessions, sess.id)
	delete(s.names, sess.name)
	s.mu.Unlock()
	// Last, since a client that waits for it may come back at once.
	_ = sess.conn.Close()
}

// Close stops the server: listeners and handshakes are closed, sessions write
// what is queued for them for at most linger, and are closed. It returns when all
// goroutines have ended. The owner must not touch sessions any more.
func (s *Server) Close(linger time.Duration) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.done)
	var err error
	for l := range s.listeners {
		err = errors.Join(err, l.Close())
	}
	s.handshakes.each(func(c net.Conn) { _ = c.Close() })
	sessions := make([]*Session, 0, len(s.sessions))
	for _, sess := range s.sessions {
		sessions = append(sessions, sess)
	}
	s.mu.Unlock()
	deadline := time.Now().Add(linger)
	for _, sess := range sessions {
		sess.out.finish(deadline)
	}
	s.running.Wait()
	for _, sess := range sessions {
		_ = sess.conn.Close() // one that had asked for its end is still open
	}
	for {
		select {
		case b := <-s.inbox:
			b.Done()
		default:
			return err
		}
	}
}

// tune sets the socket options of client-protocol §2.1. None of them is
// needed for correctness, so failures are passed over.
func tune(conn net.Conn) {
	switch c := conn.(type) {
	case *net.TCPConn: // which has TCP_NODELAY by default
		_ = c.SetKeepAlive(true)
		_ = c.SetReadBuffer(socketBuffer)
		_ = c.SetWriteBuffer(socketBuffer)
	case *net.UnixConn:
		_ = c.SetReadBuffer(socketBuffer)
		_ = c.SetWriteBuffer(socketBuffer)
	}
}

// ageList keeps connections in the order in which they came.
type ageList struct{ l list.List }

func (a *ageList) len() int { return a.l.Len() }

func (a *ageList) add(c net.Conn) *list.Element { return a.l.PushBack(c) }

// remove takes a connection out; it reports whether it was still in.
func (a *ageList) remove(e *list.Element) bool {
	if e.Value == nil {
		return false
	}
	a.l.Remove(e)
	e.Value = nil
	return true
}

// oldest takes out the connection that came first.
func (a *ageList) oldest() net.Conn {
	e := a.l.Front()
	c, _ := e.Value.(net.Conn)
	a.remove(e)
	return c
}

func (a *ageList) each(f func(net.Conn)) {
	for e := a.l.Front(); e != nil; e = e.Next() {
		if c, ok := e.Value.(net.Conn); ok {
			f(c)
		}
	}
}

// Log returns the server's logger for the owner's lines about sessions.
func (s *Server) Log() *slog.Logger { return s.cfg.Log }

// MaxSessionMessages returns the bound in force.
func (s *Server) MaxSessionMessages() int { return int(s.maxMessages.Load()) }

// Reconfigure changes MaxSessionMessages and Auth of the [Config]. Sessions stay, also those that the
// new methods would not let in. It may be called at any time, by any goroutine.
func (s *Server) Reconfigure(maxSessionMessages int, auth Auth) {
	s.maxMessages.Store(int64(limit(maxSessionMessages, DefaultMaxSessionMessages)))
	s.auth.Store(&auth)
}
