package session

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// ID is the number of a session. A server does not use a number twice.
type ID uint64

// Server accepts clients and keeps their sessions.
type Server struct {
	cfg       Config
	inbox     chan *Batch   // from readers to the owner
	recovered chan struct{} // has an element when a session is not behind any more
	done      chan struct{} // closed by Close, when nobody may wait for the owner any more
	batches   sync.Pool     // empty batches
	vectors   sync.Pool     // lists of writers
	records   sync.Pool     // what writers to clients that speak TLS collect
	count     counters
	lastID    atomic.Uint64
	warnings  warnings
	visits    warnings
	unpooled  atomic.Int64   // bytes in the queues of all sessions that lie in no pooled block, and entries
	running   sync.WaitGroup // all goroutines except those of the listeners

	// Reconfigure changes these two settings.
	auth        atomic.Pointer[Auth]
	maxMessages atomic.Int64

	mu         sync.Mutex      // protects the fields below
	names      map[string]bool // private names in use
	sources    map[source]int  // sessions from each source but the local one
	handshakes handshakes
	sessions   map[ID]*Session // live sessions, for Close
	listeners  map[net.Listener]bool
	closed     bool
}

// New returns a server without listeners.
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
		sources:   make(map[source]int),
		sessions:  make(map[ID]*Session),
		listeners: make(map[net.Listener]bool),
		warnings:  warnings{most: warnMost},
		visits:    warnings{most: informMost},
	}
	s.handshakes = newHandshakes()
	s.auth.Store(&cfg.Auth)
	s.maxMessages.Store(int64(cfg.MaxSessionMessages))
	return s, nil
}

// Inbox returns the channel of batches from clients.
func (s *Server) Inbox() <-chan *Batch { return s.inbox }

// Recovered returns a channel that has an element after a session that was behind, as
// [Session.Flush] reported, has recovered or ended.
func (s *Server) Recovered() <-chan struct{} { return s.recovered }

// acceptPause is the time between two attempts to accept when the system has no descriptors or
// memory. It is long enough not to spin, and short enough not to be noticed when some are free
// again.
const acceptPause = 20 * time.Millisecond

// Serve accepts clients on l until the server or the listener is closed. It returns nil after
// [Server.Close], otherwise the listener's error.
func (s *Server) Serve(l net.Listener) error { return s.ServeTLS(l, nil) }

// ServeTLS is Serve for clients that speak TLS. The handshake of TLS is part of that of the session and
// of its bounds. With nil they speak clear text.
func (s *Server) ServeTLS(l net.Listener, secure *tls.Config) error {
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
			s.greet(conn, secure)
			continue
		case s.isClosed():
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("cannot accept clients on %v: %w", l.Addr(), err)
		}
		// The system has no descriptors, or a client has gone before it was accepted. Neither is a
		// reason to stop.
		s.count.acceptErrs.Add(1)
		if !failing {
			failing = true
			s.cfg.Log.Warn("cannot accept clients; will keep retrying; if descriptors ran out, raise the limit (ulimit -n)",
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
func (s *Server) greet(conn net.Conn, secure *tls.Config) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		_ = conn.Close() // Nobody needs the error.
		return
	}
	s.running.Add(1)
	from := sourceOf(conn)
	full := s.room(from)
	var evicted net.Conn
	if s.handshakes.n >= s.cfg.MaxHandshakes {
		evicted = s.handshakes.evict()
	}
	place := s.handshakes.add(conn, from)
	s.mu.Unlock()
	if evicted != nil {
		// Its goroutine only sees a failed read, so the eviction is counted here.
		s.ended(HandshakeEvicted, evicted)
		_ = evicted.Close()
	}
	go func() {
		defer s.running.Done()
		if sess, accept := s.shakeHands(conn, secure, place, full); sess != nil {
			// The session gets a goroutine of its own, because a handshake grows its stack.
			s.running.Go(func() { sess.run(accept) })
		}
	}()
}

// shakeHands runs the handshake. If it succeeds, it returns the session and its accept message.
func (s *Server) shakeHands(conn net.Conn, secure *tls.Config, place *place, full End) (*Session, []byte) {
	tune(conn)
	h := handshake{server: s, conn: conn, from: place.from, peer: peerOf(conn)}
	// If the deadline cannot be set, the connection is broken and the first read fails.
	_ = conn.SetDeadline(time.Now().Add(s.cfg.HandshakeTimeout))
	var sess *Session
	end := h.secure(secure)
	if end == 0 {
		sess, end = h.run(full)
	}
	s.mu.Lock()
	evicted := !s.handshakes.remove(place)
	s.mu.Unlock()
	if end != 0 {
		if h.private != "" {
			s.release(h.private, h.from)
		}
		if !evicted {
			s.ended(end, conn)
		}
		h.drain()
		_ = conn.Close()
		return nil, nil
	}
	_ = conn.SetDeadline(time.Time{})
	return sess, h.acceptMessage()
}

// ended counts the end of a handshake that failed.
func (s *Server) ended(end End, conn net.Conn) {
	s.count.ended[end].Add(1)
	s.cfg.Log.Debug("handshake failed", slog.String("reason", end.String()), slog.String("peer", peer(conn)))
}

// peer returns the address of the other side of a connection, for the log.
func peer(conn net.Conn) string {
	if a, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		return a.String()
	}
	return "local" // The UNIX sockets of clients have no names.
}

// available reports whether a name is free, without taking it: an honest client learns early that it
// is not.
func (s *Server) available(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.names[name]
}

// claim takes a place and a private name for a connection that has been authenticated: the requested
// name or, if that is empty, a random one.
func (s *Server) claim(wish string, from source) (string, End) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if end := s.room(from); end != 0 {
		return "", end
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
	if !isLocal(from) {
		s.sources[from]++
	}
	return name, 0
}

func (s *Server) release(name string, from source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free(name, from)
}

// free gives a name and its place back. The caller holds the lock.
func (s *Server) free(name string, from source) {
	delete(s.names, name)
	if isLocal(from) {
		return
	}
	if s.sources[from]--; s.sources[from] == 0 {
		delete(s.sources, from)
	}
}

// open makes a session of a connection after its handshake.
func (s *Server) open(h *handshake, memberships bool) *Session {
	conn, group := h.conn, h.group
	sess := &Session{
		server:      s,
		conn:        conn,
		from:        h.from,
		version:     h.version,
		since:       time.Now(),
		id:          ID(s.lastID.Add(1)),
		name:        h.private,
		group:       group,
		memberships: memberships,
		peer:        h.peer,
	}
	sess.out.init(sess)
	s.mu.Lock()
	s.sessions[sess.id] = sess
	s.mu.Unlock()
	s.count.opened.Add(1)
	sess.inform("client connected", slog.String("version", versionText(h.version)), slog.Bool("memberships", memberships))
	return sess
}

// End removes a session when its disconnect has its place in the order. It frees the name, discards
// what is queued and closes the connection.
func (s *Server) End(sess *Session) {
	sess.Drop(SessionClosed)
	sess.out.forget()
	s.mu.Lock()
	if s.sessions[sess.id] != nil {
		delete(s.sessions, sess.id)
		s.free(sess.name, sess.from)
	}
	s.mu.Unlock()
	// The close comes last, because a client that waits for it may reconnect at once.
	_ = sess.conn.Close()
}

// Close stops the server. It closes listeners and handshakes, has sessions write what is queued for
// at most linger, and closes them. It returns when all goroutines have ended. The owner must not
// use sessions after that, except to call [Server.End].
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
		sess.out.farewell()
		sess.out.finish(deadline)
	}
	s.running.Wait()
	for _, sess := range sessions {
		_ = sess.conn.Close() // After the client's own request it is still open.
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

// tune sets the socket options of client-protocol §2.1. Failures are ignored, because correctness
// does not depend on them.
func tune(conn net.Conn) {
	switch c := conn.(type) {
	case *net.TCPConn: // It has TCP_NODELAY by default.
		_ = c.SetKeepAlive(true)
		_ = c.SetReadBuffer(socketBuffer)
		_ = c.SetWriteBuffer(socketBuffer)
	case *net.UnixConn:
		_ = c.SetReadBuffer(socketBuffer)
		_ = c.SetWriteBuffer(socketBuffer)
	}
}

// Reclaim takes back the blocks of idle sessions in which no message is on its way any more. The owner
// calls it every few seconds.
func (s *Server) Reclaim() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sess := range s.sessions {
		if b := sess.parked.Load(); b != nil && b.Refs() == 1 && sess.parked.CompareAndSwap(b, nil) {
			b.Release()
		}
	}
}

// Unpooled returns the memory of the queues of all sessions besides pooled blocks: bytes that lie in
// none, and the lists. A block that several sessions wait for counts for each.
func (s *Server) Unpooled() int64 { return s.unpooled.Load() }

// MaxSessionMessages returns the current bound, which is [math.MaxInt] for none.
func (s *Server) MaxSessionMessages() int { return int(s.maxMessages.Load()) }

// Reconfigure changes MaxSessionMessages and Auth of the [Config]. Existing sessions stay, even if
// the new methods would reject them. Any goroutine may call it at any time.
func (s *Server) Reconfigure(maxSessionMessages int, auth Auth) {
	s.maxMessages.Store(int64(limit(maxSessionMessages, math.MaxInt)))
	s.auth.Store(&auth)
}
