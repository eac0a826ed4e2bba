package peer

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/logs/internal/fields"
	"github.com/spreadd/spreadd/logs/internal/lineindex"
)

const (
	// MaxConnections is how many connections a server has at a time; it closes others at once.
	MaxConnections = 64
	// Patience is how long either side waits for bytes of the other.
	Patience = 30 * time.Second
	// idleTime is how long a connection may be without a request.
	idleTime = 5 * time.Minute
	// waitInterval is the pause between two signs of life while an answer is being prepared.
	waitInterval = 5 * time.Second
	// blockBytes is how much content a frame has.
	blockBytes = 64 << 10
)

// Served is a log that a server serves.
type Served struct {
	Log
	Files lineindex.Dir
}

// Handler is what a server asks the program.
type Handler interface {
	// Logs returns the logs that are served.
	Logs() []Served
	// Ready returns the logs when everything that came before the views is written.
	Ready(ctx context.Context, q *Ready) ([]Log, error)
	// Invite is an invitation to read the log files of the log host at an address, which has
	// lines that this one lacks. It returns at once.
	Invite(address string)
}

// ServerConfig says how files are served.
type ServerConfig struct {
	Handler Handler
	// Allow reports whether to serve an address; nil allows all.
	Allow func(net.Addr) bool
	// Rate limits the bytes per second of all connections together; zero means no limit.
	Rate int64
}

// Server serves log files.
type Server struct {
	cfg      ServerConfig
	listener net.Listener
	rate     rate
	running  sync.WaitGroup
	ctx      context.Context
	cancel   context.CancelFunc

	sent    atomic.Int64
	refused atomic.Int64

	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

// Serve serves on a listener until [Server.Close].
func Serve(l net.Listener, cfg ServerConfig) *Server {
	s := &Server{cfg: cfg, listener: l, rate: rate{perSecond: cfg.Rate}, conns: make(map[net.Conn]struct{})}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.running.Go(s.accept)
	return s
}

// Sent returns how many bytes of indexes and log files were sent.
func (s *Server) Sent() int64 { return s.sent.Load() }

// Refused returns how many connections were refused, by their address or because there were too many.
func (s *Server) Refused() int64 { return s.refused.Load() }

// Close ends all connections.
func (s *Server) Close() error {
	s.cancel()
	err := s.listener.Close()
	s.mu.Lock()
	for c := range s.conns {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.running.Wait()
	return err
}

func (s *Server) accept() {
	for {
		c, err := s.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(100 * time.Millisecond) // no descriptors are left
			continue
		}
		if !s.admit(c) {
			s.refused.Add(1)
			_ = c.Close()
			continue
		}
		s.running.Go(func() {
			_ = (&serving{s: s, conn: c, in: bufio.NewReader(c)}).run(s.ctx) // the client notices
			s.mu.Lock()
			delete(s.conns, c)
			s.mu.Unlock()
			_ = c.Close()
		})
	}
}

func (s *Server) admit(c net.Conn) bool {
	if s.cfg.Allow != nil && !s.cfg.Allow(c.RemoteAddr()) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.conns) >= MaxConnections || s.ctx.Err() != nil {
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

// serving is a connection of a server.
type serving struct {
	s    *Server
	conn net.Conn
	in   *bufio.Reader
	buf  []byte // the request
	out  []byte // the frame being sent
}

func (c *serving) run(ctx context.Context) error {
	_ = c.conn.SetDeadline(time.Now().Add(Patience))
	var head [len(magic)]byte
	if _, err := io.ReadFull(c.in, head[:]); err != nil || string(head[:]) != magic {
		return errors.Join(errMalformed, err)
	}
	if _, err := c.conn.Write(head[:]); err != nil {
		return err
	}
	for {
		_ = c.conn.SetDeadline(time.Now().Add(idleTime))
		kind, body, buf, err := readFrame(c.in, c.buf)
		if c.buf = buf; err != nil {
			return err
		}
		if err := c.answer(ctx, kind, body); err != nil {
			return err
		}
	}
}

// answer answers a request. An error ends the connection.
func (c *serving) answer(ctx context.Context, kind byte, body []byte) error {
	var err error
	switch kind {
	case reqLogs:
		err = c.logs()
	case reqReady:
		var q Ready
		if err := q.decode(body); err != nil {
			return err
		}
		err = c.ready(ctx, &q)
	case reqInvite:
		r := fields.Reader{Rest: body}
		address := r.String()
		if r.Bad {
			return errMalformed
		}
		c.s.cfg.Handler.Invite(address)
	case reqFiles, reqIndex, reqContent, reqDigest:
		var q request
		if err := q.decode(body); err != nil {
			return err
		}
		err = c.files(ctx, kind, &q)
	default:
		err = fmt.Errorf("unknown request %q; it may be of a later version", kind)
	}
	if err == nil {
		return c.send(ansEnd, nil)
	}
	if _, ok := errors.AsType[*brokenError](err); ok {
		return err
	}
	return c.send(ansFailed, func(b []byte) []byte { return appendFailure(b, err) })
}

// brokenError means that the connection failed.
type brokenError struct{ error }

// Unwrap returns why.
func (b *brokenError) Unwrap() error { return b.error }

func (c *serving) send(kind byte, write func([]byte) []byte) error {
	c.out = appendFrame(c.out[:0], kind, write)
	_ = c.conn.SetDeadline(time.Now().Add(Patience))
	if _, err := c.conn.Write(c.out); err != nil {
		return &brokenError{err}
	}
	return nil
}

func (c *serving) logs() error {
	for _, l := range c.s.cfg.Handler.Logs() {
		if err := c.send(ansData, func(b []byte) []byte { return appendLog(b, &l.Log) }); err != nil {
			return err
		}
	}
	return nil
}

// ready waits, and shows that it is alive.
func (c *serving) ready(ctx context.Context, q *Ready) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var logs []Log
	done := make(chan error, 1)
	c.s.running.Go(func() {
		var err error
		logs, err = c.s.cfg.Handler.Ready(ctx, q)
		done <- err
	})
	tick := time.NewTicker(waitInterval)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			for i := 0; i < len(logs) && err == nil; i++ {
				err = c.send(ansData, func(b []byte) []byte { return appendLog(b, &logs[i]) })
			}
			return err
		case <-tick.C:
			if err := c.send(ansWait, nil); err != nil {
				return err
			}
		}
	}
}

func (c *serving) files(ctx context.Context, kind byte, q *request) error {
	var dir lineindex.Dir
	for _, l := range c.s.cfg.Handler.Logs() {
		if l.Name == q.log {
			dir = l.Files
		}
	}
	if dir.Disk == nil {
		return fmt.Errorf("%s: %w", q.log, ErrNoLog)
	}
	if kind == reqFiles {
		entries, err := dir.List()
		for i := 0; i < len(entries) && err == nil; i++ {
			err = c.send(ansData, func(b []byte) []byte { return appendEntry(b, &entries[i]) })
		}
		return err
	}
	if err := checkName(dir, q.entry.Name); err != nil {
		return err
	}
	var in io.ReadCloser
	var err error
	if kind == reqIndex {
		in, err = dir.Index(q.entry)
	} else {
		off := q.off
		if kind == reqDigest {
			off = 0
		}
		in, err = dir.Content(q.entry, off)
	}
	if err != nil {
		return err
	}
	if kind == reqDigest {
		err = c.digest(ctx, in, q.off)
	} else {
		err = c.copy(ctx, in)
	}
	return errors.Join(err, in.Close())
}

// checkName refuses names that lead out of the directory of a log, or to something else than its
// files.
func checkName(dir lineindex.Dir, name string) error {
	local := filepath.FromSlash(name)
	if !filepath.IsLocal(local) || strings.HasPrefix(filepath.Base(local), ".") {
		return fmt.Errorf("%q is not the name of a log file", name)
	}
	path := filepath.Join(dir.Root, local)
	if dir.Match != nil && !dir.Match(path) {
		return fmt.Errorf("%q is not a file of the log", name)
	}
	if _, ok := dir.Disk.(fsutil.OS); !ok {
		return nil // a disk of tests, without links
	}
	root, err := filepath.EvalSymlinks(dir.Root)
	if err != nil {
		return err
	}
	for _, p := range []string{filepath.Dir(path), path, path + ".gz", path + ".zst", lineindex.Path(path)} {
		target, err := filepath.EvalSymlinks(p)
		if err != nil {
			continue // there is no such file, or it will fail again
		}
		if rel, err := filepath.Rel(root, target); err != nil || !filepath.IsLocal(rel) {
			return fmt.Errorf("%q leads out of the directory", name)
		}
	}
	return nil
}

func (c *serving) copy(ctx context.Context, in io.Reader) error {
	block := make([]byte, blockBytes)
	for {
		n, err := in.Read(block)
		if n > 0 {
			if err := c.s.rate.wait(ctx, n); err != nil {
				return &brokenError{err}
			}
			if err := c.send(ansData, func(b []byte) []byte { return append(b, block[:n]...) }); err != nil {
				return err
			}
			c.s.sent.Add(int64(n))
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// digest sends the digest of up to limit bytes.
func (c *serving) digest(ctx context.Context, in io.Reader, limit int64) error {
	d, err := DigestOf(ctx, in, limit, func() error { return c.send(ansWait, nil) })
	if err != nil {
		return err
	}
	return c.send(ansData, d.append)
}

// DigestOf reads up to limit bytes. It calls alive from time to time.
func DigestOf(ctx context.Context, in io.Reader, limit int64, alive func() error) (*Digest, error) {
	d, sum, block := &Digest{}, sha256.New(), make([]byte, 1<<20)
	in = io.LimitReader(in, limit)
	last := time.Now()
	for {
		n, err := in.Read(block)
		sum.Write(block[:n])
		d.Bytes += int64(n)
		for _, b := range block[:n] {
			if b == '\n' {
				d.Lines++
			}
		}
		if errors.Is(err, io.EOF) {
			sum.Sum(d.Sum[:0])
			return d, nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if now := time.Now(); err == nil && now.Sub(last) >= waitInterval {
			last = now
			err = alive()
		}
		if err != nil {
			return nil, err
		}
	}
}
