package logpub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/spreadd/spreadd/logs/internal/logproto"
	"github.com/spreadd/spreadd/spread"
)

// fakeDaemon takes sessions and keeps what they send. It works in a bubble of
// testing/synctest.
type fakeDaemon struct {
	mu    sync.Mutex
	lines []string        // flushed, in order
	names []string        // of all dials
	gone  map[string]bool // addresses that cannot be reached

	addresses []string // of all dials
	sessions  []*fakeSession
	down      bool
	taken     string        // a private name that is not free
	stalled   chan struct{} // closed when sessions may send again; nil if they may
	breakAt   int           // messages until the session breaks; 0 means never
	forget    bool          // what is flushed goes nowhere
	discard   bool          // what is sent goes nowhere
	targets   []string      // of lines
	keep      bool          // a session that breaks has delivered what was not flushed
}

var (
	errDown   = &spread.Error{Op: "dial", Code: spread.ErrCouldNotConnect}
	errBroken = &spread.Error{Op: "multicast", Code: spread.ErrConnectionClosed}
)

func (d *fakeDaemon) dial(ctx context.Context, address, name string) (spread.Connection, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d.names = append(d.names, name)
	d.addresses = append(d.addresses, address)
	switch {
	case d.down || d.gone[address]:
		return nil, errDown
	case name != "" && name == d.taken:
		return nil, &spread.Error{Op: "dial", Code: spread.ErrRejectNotUnique}
	}
	s := &fakeSession{d: d, address: address, events: make(chan spread.Event, 100), gone: make(chan struct{})}
	d.sessions = append(d.sessions, s)
	return s, nil
}

func (d *fakeDaemon) setDown(down bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.down = down; down {
		for _, s := range d.sessions {
			s.end()
		}
	}
}

// stall keeps sessions from sending until the returned function is called.
func (d *fakeDaemon) stall() (release func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := make(chan struct{})
	d.stalled = c
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.stalled = nil
		close(c)
	}
}

func (d *fakeDaemon) got() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.lines...)
}

func (d *fakeDaemon) dials() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.names...)
}

func (d *fakeDaemon) last() *fakeSession {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.sessions[len(d.sessions)-1]
}

type fakeSession struct {
	spread.Connection // for the methods that a publisher does not call

	d       *fakeDaemon
	events  chan spread.Event
	gone    chan struct{} // closed at the end
	pending []string      // not flushed
	closed  bool          // in order
	address string
	where   []string // groups of pending
	markers []string // to our own private group, not flushed
	target  string   // service, type and groups of the last message
}

// end needs d.mu.
func (s *fakeSession) end() {
	select {
	case <-s.gone:
	default:
		close(s.gone)
	}
}

func (s *fakeSession) check(ctx context.Context) error {
	select {
	case <-s.gone:
		return errBroken
	default:
		return ctx.Err()
	}
}

func (s *fakeSession) Multicast(ctx context.Context, service spread.Service, messType int16, payload []byte, groups ...string) error {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	for s.d.stalled != nil {
		stalled := s.d.stalled
		s.d.mu.Unlock()
		select {
		case <-stalled:
		case <-s.gone:
		case <-ctx.Done():
		}
		s.d.mu.Lock()
		if err := s.check(ctx); err != nil {
			return err
		}
	}
	if err := s.check(ctx); err != nil {
		return err
	}
	if s.d.breakAt > 0 {
		if s.d.breakAt--; s.d.breakAt == 0 {
			if s.d.keep {
				s.d.lines = append(s.d.lines, s.pending...)
			}
			s.end()
			return errBroken
		}
	}
	if len(groups) == 1 && groups[0] == s.PrivateGroup() {
		s.markers = append(s.markers, string(payload))
		return nil
	}
	if _, _, err := logproto.Split(payload); err == nil {
		return nil // not of interest
	}
	if s.d.discard {
		return nil
	}
	s.target = fmt.Sprint(service, " ", messType, " ", groups)
	s.pending = append(s.pending, string(payload))
	s.where = append(s.where, fmt.Sprint(groups))
	return nil
}

func (s *fakeSession) Flush(ctx context.Context) error {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	if err := s.check(ctx); err != nil {
		return err
	}
	if s.d.forget { // it dies with them
		return nil
	}
	s.d.targets = append(s.d.targets, s.where...)
	s.where = nil
	s.d.lines = append(s.d.lines, s.pending...)
	s.pending = s.pending[:0]
	for _, m := range s.markers {
		s.events <- &spread.Message{Sender: s.PrivateGroup(), Groups: []string{s.PrivateGroup()}, Payload: []byte(m), Service: spread.Safe}
	}
	s.markers = nil
	return nil
}

func (s *fakeSession) Receive(ctx context.Context) (spread.Event, error) {
	select {
	case ev := <-s.events:
		return ev, nil
	case <-s.gone:
		return nil, errBroken
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Join and Leave do nothing: nobody sees who is in a group.
func (s *fakeSession) Join(context.Context, string) error  { return nil }
func (s *fakeSession) Leave(context.Context, string) error { return nil }

func (s *fakeSession) PrivateGroup() string { return "#lp#fake" }

func (s *fakeSession) Close() error {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	s.closed = true
	s.end()
	return nil
}

func (s *fakeSession) Kill() {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	s.end()
}

// logBuffer is a log, to be read while it is written.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), text)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logBuffer) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// newPublisher returns one for the group "g" of a fake daemon.
func newPublisher(t testing.TB, d *fakeDaemon, change func(*Config)) *Publisher {
	t.Helper()
	cfg := Config{Groups: []string{"g"}, Dial: d.dial, Plain: true}
	if change != nil {
		change(&cfg)
	}
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// checkSums checks that every line taken is accounted for after Run.
func checkSums(t testing.TB, p *Publisher) {
	t.Helper()
	st := p.Stats()
	sum := st.Sent + st.Waiting + st.Abandoned
	for _, n := range st.Dropped {
		sum += n
	}
	if st.Took+st.Recovered != sum {
		t.Errorf("took %d lines, but sent and dropped %d: %+v", st.Took, sum, st)
	}
	if size := st.Bytes; p.cfg.Spool == "" {
		for _, n := range st.DroppedBytes {
			size += n
		}
		if st.TookBytes != size {
			t.Errorf("took %d bytes, but sent and dropped %d", st.TookBytes, size)
		}
	}
}

// numbered returns the lines from first to last.
func numbered(first, last int) []string {
	var lines []string
	for i := first; i <= last; i++ {
		lines = append(lines, fmt.Sprintf("line %d\n", i))
	}
	return lines
}

var errTest = errors.New("planted")
