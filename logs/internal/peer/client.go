package peer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/spreadd/spreadd/logs/internal/fields"
	"github.com/spreadd/spreadd/logs/internal/lineindex"
)

const (
	// maxList is how much memory a list of files may take, enough for some million files.
	maxList = 256 << 20
	// entryCost is what an entry takes besides its name.
	entryCost = 64
)

var (
	errNotServer = errors.New("what listens there is no logsub with heal.listen")
	errClosed    = errors.New("it closed the connection, as for a host that it knows neither from heal.peers nor from the groups, or for too many connections")
)

// Client reads the log files of one log host. Its methods may be called by several goroutines.
type Client struct {
	address string
	dial    func(ctx context.Context, address string) (net.Conn, error)
	ctx     context.Context
	cancel  context.CancelFunc

	maxList int // constant but in tests

	mu    sync.Mutex
	idle  []*link
	links map[*link]struct{}
}

// NewClient returns a client of a log host's server. It connects when it is used. When ctx ends,
// everything that it does ends. dial, if not nil, takes the place of TCP.
func NewClient(ctx context.Context, address string, dial func(context.Context, string) (net.Conn, error)) *Client {
	if dial == nil {
		dial = dialTCP
	}
	c := &Client{address: address, dial: dial, maxList: maxList, links: make(map[*link]struct{})}
	c.ctx, c.cancel = context.WithCancel(ctx)
	context.AfterFunc(c.ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		for l := range c.links {
			_ = l.conn.Close()
		}
	})
	return c
}

func dialTCP(ctx context.Context, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: Patience / 3}
	return d.DialContext(ctx, "tcp", address)
}

// Close ends the client and what it does.
func (c *Client) Close() { c.cancel() }

// String returns the address.
func (c *Client) String() string { return c.address }

// link is a connection, which has one request at a time.
type link struct {
	c    *Client
	conn net.Conn
	in   *bufio.Reader
	buf  []byte
	rest []byte // of the last frame of data
	err  error  // how the answer ended
}

// get returns a connection that is idle, or a new one.
func (c *Client) get() (*link, error) {
	c.mu.Lock()
	if n := len(c.idle); n > 0 {
		l := c.idle[n-1]
		c.idle = c.idle[:n-1]
		c.mu.Unlock()
		return l, nil
	}
	c.mu.Unlock()
	conn, err := c.dial(c.ctx, c.address)
	if err != nil {
		return nil, err
	}
	l := &link{c: c, conn: conn, in: bufio.NewReaderSize(conn, 2*blockBytes)}
	c.mu.Lock()
	c.links[l] = struct{}{}
	c.mu.Unlock()
	if c.ctx.Err() != nil { // it ended before the connection was noted
		return nil, errors.Join(c.ctx.Err(), l.drop())
	}
	_ = conn.SetDeadline(time.Now().Add(Patience))
	var head [len(magic)]byte
	_, err = conn.Write([]byte(magic))
	if err == nil {
		_, err = io.ReadFull(l.in, head[:])
	}
	switch {
	case err == nil && string(head[:]) != magic:
		err = errNotServer
	case errors.Is(err, io.EOF):
		err = errClosed
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s does not serve log files to this host: %w", c.address, err), l.drop())
	}
	return l, nil
}

// drop closes the connection.
func (l *link) drop() error {
	l.c.mu.Lock()
	delete(l.c.links, l)
	l.c.mu.Unlock()
	return l.conn.Close()
}

// request sends a request. The link is an io.ReadCloser of the answer's data.
func (c *Client) request(kind byte, write func([]byte) []byte) (*link, error) {
	l, err := c.get()
	if err != nil {
		return nil, err
	}
	l.rest, l.err = nil, nil
	_ = l.conn.SetDeadline(time.Now().Add(Patience))
	if _, err := l.conn.Write(appendFrame(nil, kind, write)); err != nil {
		return nil, errors.Join(err, l.drop())
	}
	return l, nil
}

// next returns the next frame of data; io.EOF at the end of the answer.
func (l *link) next() ([]byte, error) {
	for l.err == nil {
		_ = l.conn.SetDeadline(time.Now().Add(Patience))
		kind, body, buf, err := readFrame(l.in, l.buf)
		l.buf = buf
		switch {
		case errors.Is(err, io.EOF):
			l.err = io.ErrUnexpectedEOF
		case err != nil:
			l.err = err
		case kind == ansData:
			return body, nil
		case kind == ansEnd:
			l.err = io.EOF
		case kind == ansFailed:
			l.err = decodeFailure(body)
		case kind != ansWait:
			l.err = errMalformed
		}
	}
	return nil, l.err
}

// Read implements io.Reader.
func (l *link) Read(b []byte) (n int, err error) {
	for len(l.rest) == 0 {
		if l.rest, err = l.next(); err != nil {
			return 0, err
		}
	}
	n = copy(b, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

// Close implements io.Closer. A connection whose answer was read to its end is used again.
func (l *link) Close() error {
	if _, failed := errors.AsType[*Failure](l.err); !failed && !errors.Is(l.err, io.EOF) {
		return l.drop()
	}
	l.c.mu.Lock()
	l.c.idle = append(l.c.idle, l)
	l.c.mu.Unlock()
	return nil
}

// each calls use with each frame of data of an answer.
func (c *Client) each(kind byte, write func([]byte) []byte, use func(body []byte) error) error {
	l, err := c.request(kind, write)
	if err != nil {
		return err
	}
	for err == nil {
		var body []byte
		if body, err = l.next(); err == nil {
			err = use(body)
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, l.Close())
}

// Logs returns the logs of the log host.
func (c *Client) Logs() ([]Log, error) { return c.logs(reqLogs, nil) }

// Ready returns the logs when the log host has written everything that came before the views.
func (c *Client) Ready(q *Ready) ([]Log, error) { return c.logs(reqReady, q.append) }

func (c *Client) logs(kind byte, write func([]byte) []byte) (logs []Log, err error) {
	err = c.each(kind, write, func(body []byte) error {
		r := fields.Reader{Rest: body}
		logs = append(logs, decodeLog(&r))
		if len(logs) > maxLogs {
			return fmt.Errorf("more than %d logs: %w", maxLogs, errMalformed)
		}
		return ended(&r)
	})
	return logs, err
}

// Invite says that the log host at an address has lines that this one lacks.
func (c *Client) Invite(address string) error {
	return c.each(reqInvite, func(b []byte) []byte { return fields.AppendString(b, address) }, func([]byte) error { return nil })
}

// Digest returns the digest of up to limit bytes of a file.
func (c *Client) Digest(log string, e lineindex.Entry, limit int64) (d Digest, err error) {
	q := request{log, e, limit}
	err = c.each(reqDigest, q.append, d.decode)
	return d, err
}

// Source returns the files of a log.
func (c *Client) Source(log string) lineindex.Source { return &source{c, log} }

type source struct {
	c   *Client
	log string
}

// String returns where the files are.
func (s *source) String() string { return s.c.address + ", " + s.log }

// List implements [lineindex.Source].
func (s *source) List() (entries []lineindex.Entry, err error) {
	q := request{log: s.log}
	size := 0
	err = s.c.each(reqFiles, q.append, func(body []byte) error {
		if size += len(body) + entryCost; size > s.c.maxList {
			return fmt.Errorf("a list of more than %d bytes: %w", s.c.maxList, errMalformed)
		}
		r := fields.Reader{Rest: body}
		entries = append(entries, decodeEntry(&r))
		return ended(&r)
	})
	return entries, err
}

// Index implements [lineindex.Source].
func (s *source) Index(e lineindex.Entry) (io.ReadCloser, error) {
	return s.open(reqIndex, &request{s.log, e, 0})
}

// Content implements [lineindex.Source].
func (s *source) Content(e lineindex.Entry, off int64) (io.ReadCloser, error) {
	return s.open(reqContent, &request{s.log, e, off})
}

// open opens a file. Its errors are returned now rather than when it is read.
func (s *source) open(kind byte, q *request) (io.ReadCloser, error) {
	l, err := s.c.request(kind, q.append)
	if err != nil {
		return nil, err
	}
	if l.rest, err = l.next(); err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}
