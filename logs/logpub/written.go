package logpub

import (
	"bytes"
	"context"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/internal/pause"
	"github.com/spreadd/spreadd/logs/internal/logproto"
	"github.com/spreadd/spreadd/logs/internal/queue"
	"github.com/spreadd/spreadd/logs/internal/receipts"
	"github.com/spreadd/spreadd/spread"
)

// receiptBook is what the sender knows of log hosts, with delivery Written.
type receiptBook struct {
	mu      sync.Mutex
	pending *receipts.Pending
	hosts   map[hostProcess]bool // those that have acknowledged
	warned  map[string]bool      // lists of groups that nobody writes, of which the log says so
	back    map[uint64]bool      // blocks that came from the shelf, until they are taken: their lines were sent before
	writers map[string][]LogHost // who has acknowledged lines, by groups
}

// maxWriters bounds the lists of groups, and the log hosts of each, of which a publisher notes who acknowledges them.
const (
	maxWriters  = 10 * MaxGroupStats
	maxLogHosts = 2 * MaxAcks
)

// wrote notes that a log host has acknowledged lines for groups. It needs mu.
func (b *receiptBook) wrote(groups, host string, now time.Time) {
	list := b.writers[groups]
	i := slices.IndexFunc(list, func(h LogHost) bool { return h.Name == host })
	switch {
	case i >= 0:
		list[i].Last = now
		return
	case len(list) == maxLogHosts:
		slices.SortFunc(list, func(x, y LogHost) int { return y.Last.Compare(x.Last) })
		list = list[:maxLogHosts-1]
	case list == nil && len(b.writers) == maxWriters:
		return
	case b.writers == nil:
		b.writers = make(map[string][]LogHost)
	}
	b.writers[groups] = append(list, LogHost{host, now})
}

// report fills in who acknowledges the lines of groups, and adds those that wait for that on the shelf.
func (b *receiptBook) report(groups []GroupStats) {
	b.mu.Lock()
	defer b.mu.Unlock()
	silent, shelf := b.pending.SilentGroups(), b.pending.OnShelf()
	for i := range groups {
		g := &groups[i]
		g.Waiting += shelf[g.Groups]
		g.LogHosts, g.Silent = slices.Clone(b.writers[g.Groups]), silent[g.Groups]
		slices.SortFunc(g.LogHosts, func(x, y LogHost) int { return strings.Compare(x.Name, y.Name) })
	}
}

// origin returns the stream of the lines of a block that go to a target.
func origin(b *queue.Block, to *queue.Target) envelope.Origin {
	return envelope.Origin{Publisher: b.Origin.Publisher, Epoch: to.Epoch, Stream: to.Stream}
}

// pieces returns the lines of a block by stream.
func pieces(b *queue.Block) (list []receipts.Piece) {
	at := make(map[envelope.Origin]int)
	for i := range b.Runs {
		r := &b.Runs[i]
		o := origin(b, r.To)
		if k, ok := at[o]; ok && list[k].First+uint64(list[k].Lines) == r.Seq {
			list[k].Lines += r.Lines
			continue
		}
		at[o] = len(list)
		list = append(list, receipts.Piece{Origin: o, Groups: r.To.Groups, First: r.Seq, Lines: r.Lines})
	}
	return list
}

// sendNext sends what is due with delivery Written: asks, blocks that a log host lacks, or the next block. It returns whether it
// sent lines, and otherwise for how long to wait.
func (s *sender) sendNext(ctx context.Context, conn spread.Connection) (sent bool, pause time.Duration, err error) {
	now, done := time.Now(), s.p.queue.Done()
	s.book.mu.Lock()
	asks, next := s.book.pending.Asks(now)
	if len(asks) > 0 {
		s.book.pending.Forget(done)
		s.warnSilent()
	}
	id, again := s.book.pending.Again()
	full := s.book.pending.InFlight() >= maxUnconfirmed
	s.book.mu.Unlock()
	if len(asks) > 0 {
		if err := s.inTime(ctx, func(ctx context.Context) error { return s.ask(ctx, conn, asks) }); err != nil {
			return false, 0, err
		}
	}
	s.tidy(now)
	pause = math.MaxInt64
	if !next.IsZero() {
		pause = max(0, next.Sub(now))
	}
	if again {
		return true, 0, s.sendAgain(ctx, conn, id)
	}
	if full {
		return false, pause, nil
	}
	b, wait := s.p.queue.Take()
	if b == nil {
		s.endIfQuiet()
		return false, min(pause, wait), nil
	}
	s.book.mu.Lock()
	s.book.pending.Sent(now, b.ID(), pieces(b)) // before the first acknowledgment can come
	if s.book.back[b.ID()] {
		delete(s.book.back, b.ID())
		s.last, s.handed = b.ID(), b.Lines
	}
	s.book.mu.Unlock()
	if s.isMoved(b.ID()) {
		s.p.queue.LetGo(b) // its lines were sent as those of other blocks
		return true, 0, nil
	}
	err = s.inTime(ctx, func(ctx context.Context) error { return s.sendBlock(ctx, conn, b) })
	s.p.queue.LetGo(b)
	return true, 0, err
}

// ask sends asks.
func (s *sender) ask(ctx context.Context, conn spread.Connection, asks []receipts.Question) error {
	for i := range asks {
		s.buf = asks[i].Append(s.buf[:0])
		if err := conn.Multicast(ctx, s.p.cfg.Service, s.p.cfg.MessType, s.buf, asks[i].Groups...); err != nil {
			return err
		}
	}
	s.p.count.asks.Add(int64(len(asks)))
	return conn.Flush(ctx)
}

// sendAgain sends those lines of a block that a log host lacks.
func (s *sender) sendAgain(ctx context.Context, conn spread.Connection, id uint64) error {
	b, err := s.p.queue.TakeAgain(id, &s.rereader)
	if err != nil {
		_ = pause.For(ctx, sendPause) // the disk fails, which was logged
		return nil
	}
	if b == nil {
		s.p.queue.Pass(id, 0, 0)
		s.book.mu.Lock()
		s.book.pending.Drop(id)
		s.book.mu.Unlock()
		return nil
	}
	defer s.p.queue.LetGo(b)
	s.book.mu.Lock()
	lacking := make([][]envelope.Span, len(b.Runs))
	for i := range b.Runs {
		r := &b.Runs[i]
		lacking[i] = s.book.pending.Rest(id, &receipts.Piece{Origin: origin(b, r.To), First: r.Seq, Lines: r.Lines})
	}
	s.book.pending.SentAgain(time.Now(), id)
	s.book.mu.Unlock()
	return s.inTime(ctx, func(ctx context.Context) error {
		rest := b.Data
		for i := range b.Runs {
			r := &b.Runs[i]
			if err := s.sendSpans(ctx, conn, b, r, rest[:r.Bytes], lacking[i]); err != nil {
				return err
			}
			rest = rest[r.Bytes:]
		}
		return conn.Flush(ctx)
	})
}

// sendSpans sends those lines of a run whose numbers are in spans.
func (s *sender) sendSpans(ctx context.Context, conn spread.Connection, b *queue.Block, r *queue.Run, text []byte, spans []envelope.Span) error {
	at := r.Seq
	for _, sp := range spans {
		text = text[linesLen(text, sp.First-at):]
		n := linesLen(text, sp.Last-sp.First+1)
		if err := s.sendLines(ctx, conn, b, r.To, sp.First, text[:n], nil); err != nil {
			return err
		}
		s.p.count.resent.Add(int64(sp.Last - sp.First + 1))
		text, at = text[n:], sp.Last+1
	}
	return nil
}

// linesLen returns the length of the first n lines of text.
func linesLen(text []byte, n uint64) (size int) {
	for ; n > 0; n-- {
		size += bytes.IndexByte(text[size:], '\n') + 1
	}
	return size
}

// reconnected notes that there is a new connection.
func (s *sender) reconnected() {
	if s.p.cfg.Delivery != Written {
		s.p.queue.Rewind() // send what is not acknowledged again, from its beginning
		return
	}
	s.book.mu.Lock()
	defer s.book.mu.Unlock()
	s.book.pending.Connected(time.Now())
}

// acknowledged takes a message to our private group: what a log host has written.
func (s *sender) acknowledged(m *spread.Message) {
	kind, body, err := logproto.Split(m.Payload)
	if err != nil || kind != logproto.KindAck {
		return
	}
	var ack logproto.Ack
	if ack.Decode(body) != nil {
		return
	}
	s.p.count.acks.Add(1)
	s.book.mu.Lock()
	s.meet(ack.Host, ack.Instance)
	now := time.Now()
	for i := range ack.Receipts {
		if groups := s.book.pending.Groups(ack.Receipts[i].Origin); groups != "" && len(ack.Receipts[i].Spans) > 0 {
			s.book.wrote(groups, ack.Host, now)
		}
	}
	s.book.pending.Ack(now, &ack)
	done := s.book.pending.Done()
	_, again := s.book.pending.Again()
	s.book.mu.Unlock()
	for _, id := range done {
		s.p.queue.Settle(id)
	}
	if again {
		select {
		case s.due <- struct{}{}:
		default:
		}
	}
}

// warnSilent logs which groups nobody writes, once for each until somebody does. It needs book.mu.
func (s *sender) warnSilent() {
	silent := s.book.pending.SilentGroups()
	for name := range silent {
		if !s.book.warned[name] {
			s.p.cfg.Log.Warn("no log host acknowledges lines; they are sent and wait: start logsub for these groups, or see in its log why it cannot write, or set delivery to ordered",
				slog.String("groups", name))
		}
	}
	for name := range s.book.warned {
		if !silent[name] {
			s.p.cfg.Log.Info("a log host acknowledges lines", slog.String("groups", name))
		}
	}
	s.book.warned = silent
}

// endIfQuiet ends the wait at the end of the input, if only lines are left that no log host acknowledges and that are safe in the
// spool.
func (s *sender) endIfQuiet() {
	q := s.p.queue
	if !q.Finished() || s.p.cfg.Spool == "" || closed(s.quiet) {
		return
	}
	s.book.mu.Lock()
	quiet := s.book.pending.Blocks() > 0 && s.book.pending.Quiet(time.Now())
	s.book.mu.Unlock()
	if quiet && q.Safe() >= q.Mark() {
		close(s.quiet)
	}
}

// Unheard are lines that no log host has acknowledged for a while.
type Unheard struct {
	Groups string // names with spaces between
	Lines  int64
}

// unacknowledged returns how many blocks log hosts are expected to acknowledge, and how many lines nobody acknowledges.
func (s *sender) unacknowledged() (blocks int, unheard int64) {
	for _, g := range s.unheard() {
		unheard += g.Lines
	}
	s.book.mu.Lock()
	defer s.book.mu.Unlock()
	return s.book.pending.InFlight(), unheard
}

// unheard returns what no log host acknowledges, by groups.
func (s *sender) unheard() (list []Unheard) {
	if s.p.cfg.Delivery != Written {
		return nil
	}
	s.book.mu.Lock()
	defer s.book.mu.Unlock()
	for _, g := range s.book.pending.Silent() {
		list = append(list, Unheard{strings.Join(g.Groups, " "), int64(g.Lines)})
	}
	return list
}
