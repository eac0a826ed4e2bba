package logpub

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/logs/internal/chain"
	"github.com/spreadd/spreadd/logs/internal/logproto"
	"github.com/spreadd/spreadd/logs/internal/queue"
	"github.com/spreadd/spreadd/spread"
)

// announceInterval is how often log hosts learn how far numbers went, while lines are sent: some may have been away.
const announceInterval = time.Minute

// announceTimeout bounds the last attempt.
const announceTimeout = 100 * time.Millisecond

// announcer is what log hosts have learned. It belongs to the goroutine that sends.
type announcer struct {
	conn    spread.Connection // on which everything was announced
	version int               // of the chain, as it was announced
	at      time.Time
	sent    map[envelope.Origin]lastSent // of streams that got lines since
	asks    uint64
	again   atomic.Bool // tell everything again: a log host may not know it
}

// lastSent is how far a stream was sent.
type lastSent struct {
	groups string
	next   uint64
}

// note notes that the lines of a block are sent.
func (t *announcer) note(b *queue.Block) {
	if t.sent == nil {
		t.sent = make(map[envelope.Origin]lastSent)
	}
	for i := range b.Runs {
		r := &b.Runs[i]
		o := envelope.Origin{Publisher: b.Origin.Publisher, Epoch: r.To.Epoch, Stream: r.To.Stream}
		last, ok := t.sent[o]
		if !ok {
			last.groups = strings.Join(r.To.Groups, " ")
		}
		last.next = max(last.next, r.Seq+uint64(r.Lines))
		t.sent[o] = last
	}
}

// announce sends to log hosts how far the numbers of streams went: of all epochs that have ended,
// after a connect, when they change or when a log host appears; and once an announceInterval of
// these and of what was sent meanwhile. So they notice what they lack. It
// waits until all lines are sent, because those are not missing. It returns for how long there is nothing to do.
func (s *sender) announce(ctx context.Context) (next time.Duration) {
	if s.p.cfg.Plain || s.conn == nil {
		return math.MaxInt64
	}
	t, version := &s.announcer, 0
	if s.p.chain != nil {
		version = s.p.chain.Version()
	}
	if t.at.IsZero() {
		t.at = time.Now()
	}
	if version == 0 || t.conn == s.conn && t.version == version && !t.again.Load() {
		if len(t.sent) == 0 {
			return math.MaxInt64
		}
		if next = announceInterval - time.Since(t.at); next > 0 {
			return next
		}
	}
	if !s.p.queue.AllTaken() {
		return math.MaxInt64 // what makes room, or comes, wakes the sender
	}
	t.again.Store(false)
	asks, announced := s.news(), false
	err := s.client.Do(ctx, func(conn spread.Connection) error {
		if conn != s.conn {
			return nil // everything is announced to it soon
		}
		for i := range asks {
			s.buf = asks[i].Append(s.buf[:0])
			if err := conn.Multicast(ctx, s.p.cfg.Service, s.p.cfg.MessType, s.buf, asks[i].groups...); err != nil {
				return err
			}
		}
		announced = true
		return conn.Flush(ctx)
	})
	if err == nil && announced {
		t.conn, t.version, t.at = s.conn, version, time.Now()
		clear(t.sent)
	}
	return math.MaxInt64 // a new connection wakes the sender
}

// announceLast announces at the end what has not been announced, if there is a connection.
func (s *sender) announceLast(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), announceTimeout)
	defer cancel()
	s.announce(ctx)
}

// final returns up to which number lines of a stream cannot be sent again, of those below next.
func (s *sender) final(o envelope.Origin, next uint64) uint64 {
	s.book.mu.Lock()
	defer s.book.mu.Unlock()
	if kept, ok := s.book.pending.Kept(o); ok {
		next = min(next, kept)
	}
	return next
}

// maxHosts bounds the processes of log hosts that are known, because they come from messages.
const maxHosts = 1000

// hostProcess is a process of a log host. Several may run at a time, each for other groups.
type hostProcess struct {
	host     string
	instance uint64
}

// meet notes which process of a log host acknowledges, and has everything announced to it if it is new.
func (s *sender) meet(host string, instance uint64) {
	b := &s.book
	process := hostProcess{host, instance}
	if b.hosts[process] {
		return
	}
	if b.hosts == nil || len(b.hosts) >= maxHosts {
		b.hosts = make(map[hostProcess]bool)
	}
	b.hosts[process] = true
	s.announcer.again.Store(true)
	select {
	case s.due <- struct{}{}:
	default:
	}
}

// announcement is an ask that has no answer, and where it goes.
type announcement struct {
	logproto.Ask
	groups  []string
	streams int
}

// news returns what there is to announce, by groups.
func (s *sender) news() (list []*announcement) {
	t := &s.announcer
	open := make(map[string]*announcement)
	add := func(epoch uint64, ended bool, st *chain.Stream) {
		a := open[st.Groups]
		if a == nil || a.streams == logproto.MaxStreams || len(a.Epochs) == logproto.MaxEpochs {
			t.asks++
			a = &announcement{Ask: logproto.Ask{Publisher: s.p.cfg.Publisher, Number: t.asks}, groups: strings.Fields(st.Groups)}
			open[st.Groups] = a
			list = append(list, a)
		}
		if last := len(a.Epochs) - 1; last < 0 || a.Epochs[last].Epoch != epoch {
			a.Epochs = append(a.Epochs, logproto.Epoch{Epoch: epoch, Ended: ended})
		}
		e := &a.Epochs[len(a.Epochs)-1]
		next := s.final(envelope.Origin{Publisher: s.p.cfg.Publisher, Epoch: epoch, Stream: st.Stream}, st.Next)
		e.Streams = append(e.Streams, logproto.Stream{Stream: st.Stream, Kept: next, Next: next})
		a.streams++
	}
	if s.p.chain != nil {
		epochs, _ := s.p.chain.Ended()
		for _, e := range epochs {
			for i := range e.Streams {
				add(e.Epoch, true, &e.Streams[i])
			}
		}
	}
	for _, o := range slices.SortedFunc(maps.Keys(t.sent), func(a, b envelope.Origin) int {
		return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Stream, b.Stream))
	}) {
		if last := t.sent[o]; o.Publisher == s.p.cfg.Publisher {
			add(o.Epoch, false, &chain.Stream{Stream: o.Stream, Groups: last.groups, Next: last.next})
		}
	}
	return list
}
