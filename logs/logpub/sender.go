package logpub

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/internal/pause"
	"github.com/spreadd/spreadd/logs/internal/queue"
	"github.com/spreadd/spreadd/spread"
)

// sendPause is the pause between two blocks that are not full. Without it, lines that arrive one by
// one would cost a system call each, here and in the daemon.
const sendPause = 2 * time.Millisecond

// maxUnconfirmed bounds the blocks that wait for a confirmation by the ring.
const maxUnconfirmed = 64

// errStalled is the cause of leaving a daemon that does not take a block in time.
var errStalled = errors.New("the daemon accepts no messages")

// sender sends the blocks of the queue.
type sender struct {
	p         *Publisher
	client    *spread.Client
	connected chan struct{} // has a value after each connect

	// The fields below belong to the goroutine that sends.

	announcer announcer
	conn      spread.Connection // the last connection that was used
	last      uint64            // ID of the last block of which lines were sent
	handed    int               // number of its lines that were sent
	flushed   time.Time         // when the last block was flushed
	timer     *time.Timer       // of rest
	header    envelope.Header
	buf       []byte // of a message with an envelope

	movedTo  map[uint64]bool // blocks made of moved lines, until they are taken
	tidied   time.Time       // when tidy was last due
	rereader queue.Rereader

	// The fields below belong to the goroutine that moves lines: without a spool the one that sends, otherwise one of its own,
	// because the disk may hang.

	moves   []move
	reader  queue.Rereader
	shelved time.Time // when blocks were last put on the shelf
	victim  string    // groups whose oldest lines make room on the shelf
	// fruitless means that nothing on the shelf was wanted in this round.
	fruitless bool

	due    chan struct{} // has a value when lines have to be sent again
	tidies chan struct{} // has a value when tidy is due
	quiet  chan struct{} // closed at the end of the input when no log host will acknowledge what is left
	book   receiptBook

	ends [numEnds]atomic.Int64
}

// newClient returns the client of a publisher.
func newClient(cfg *Config) (*spread.Client, error) {
	secure, err := cfg.TLS.Config(func(err error) { cfg.Log.Error("cannot use new certificates", slog.Any("error", err)) })
	if err != nil {
		return nil, err
	}
	return spread.NewClient(append([]string{cfg.Address}, cfg.Fallbacks...), spread.WithName(cfg.Name), spread.WithTLS(secure),
		spread.WithSocketUsers(cfg.DaemonUsers...), spread.WithReturn(max(0, cfg.ReturnInterval)), spread.WithConnect(cfg.Dial))
}

// run sends until ctx ends. Then it closes the connection in order, unless it has sent lines of a
// block that it could not flush: these count as not sent.
func (s *sender) run(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() { s.watch(ctx) })
	wg.Go(func() { s.tidyUntil(ctx) })
	s.timer = time.NewTimer(math.MaxInt64)
	defer s.timer.Stop()
	q := s.p.queue
	for ctx.Err() == nil {
		sent, pause := false, time.Duration(math.MaxInt64)
		err := s.client.Do(ctx, func(conn spread.Connection) (err error) {
			if conn != s.conn {
				s.conn = conn
				s.reconnected()
			}
			if s.p.cfg.Delivery == Written {
				sent, pause, err = s.sendNext(ctx, conn)
				return err
			}
			if q.InFlight() >= maxUnconfirmed {
				return nil
			}
			var b *queue.Block
			if b, pause = q.Take(); b == nil {
				return nil
			}
			sent = true
			err = s.inTime(ctx, func(ctx context.Context) error { return s.sendBlock(ctx, conn, b) })
			q.LetGo(b)
			return err
		})
		switch {
		case err != nil: // the client connects again
		case sent:
			s.flushed = time.Now()
		default:
			s.rest(ctx, min(pause, s.announce(ctx)))
		}
	}
	s.announceLast(ctx)
	wg.Wait()            // first, because a closed client returns no event that still waits
	_ = s.client.Close() // everything is flushed, or the client has dropped the connection
}

// rest waits until there may be something to send, for at most d.
func (s *sender) rest(ctx context.Context, d time.Duration) {
	s.timer.Reset(d)
	select {
	case <-ctx.Done():
		return
	case <-s.timer.C:
	case <-s.p.queue.Wake():
	case <-s.connected:
	case <-s.due:
		return
	}
	if rest := sendPause - time.Since(s.flushed); rest > 0 && s.p.queue.Few() {
		_ = pause.For(ctx, rest)
	}
}

// watch receives confirmations, and logs and counts connections, until ctx ends. It is what notices
// the end of a connection while there is nothing to send.
func (s *sender) watch(ctx context.Context) {
	var (
		own             string // the private group of the connection
		log             *slog.Logger
		failing, warned bool
	)
	for {
		ev, err := s.client.Receive(ctx)
		if err != nil {
			return
		}
		switch ev := ev.(type) {
		case *spread.Message:
			switch {
			case s.p.cfg.Delivery == Written:
				s.acknowledged(ev)
			case s.p.cfg.Delivery == Ordered && ev.Sender == own && len(ev.Payload) == 8 && slices.Contains(ev.Groups, own):
				s.p.queue.Ack(binary.BigEndian.Uint64(ev.Payload))
			}
		case *spread.Rejected:
			if ev.Request != spread.RequestMulticast {
				s.p.audience.denied.Store(true)
				continue
			}
			s.p.count.rejected.Add(1)
			if !warned {
				warned = true
				log.Warn("the daemon rejects our lines; its rules must let this client send to the group as this publisher",
					slog.Any("groups", ev.Message.Groups), slog.String("publisher", s.p.cfg.Publisher))
			}
		case *spread.Connected:
			own, failing, warned = ev.PrivateGroup, false, false
			log = s.p.cfg.Log.With(slog.String("daemon", ev.Address), slog.String("session", own))
			if ev.Away == 0 {
				log.Info("connected")
			} else {
				log.Warn("connected again", slog.Duration("away", ev.Away.Round(time.Millisecond)))
			}
			select {
			case s.connected <- struct{}{}:
			default:
			}
		case *spread.Disconnected:
			s.ends[endOf(ev.Err)].Add(1)
			if errors.Is(ev.Err, spread.ErrReturning) {
				log.Info("the first daemon is back; returning to it")
			} else {
				log.Warn("lost the connection to the daemon; lines wait in the queue", slog.Any("error", ev.Err))
			}
		case *spread.ConnectFailed:
			level := slog.LevelDebug
			if !failing {
				failing, level = true, slog.LevelWarn
			}
			s.p.cfg.Log.Log(ctx, level, "cannot connect to the daemon; will keep retrying",
				slog.String("daemon", ev.Address), slog.Any("error", ev.Err))
		}
	}
}

// inTime runs send. If there is another daemon, it gives up after StallTime.
func (s *sender) inTime(ctx context.Context, send func(ctx context.Context) error) error {
	if limit := s.p.cfg.StallTime; limit > 0 && len(s.p.cfg.Fallbacks) > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, limit, errStalled)
		defer cancel()
	}
	err := send(ctx)
	if err != nil && errors.Is(context.Cause(ctx), errStalled) {
		return errStalled
	}
	return err
}

// sendBlock sends and flushes a block of lines. It acknowledges the block, asks the ring to confirm it, or leaves that to log
// hosts.
func (s *sender) sendBlock(ctx context.Context, conn spread.Connection, b *queue.Block) error {
	cfg := &s.p.cfg
	if b.ID() > s.last {
		s.last, s.handed = b.ID(), 0
	}
	s.announcer.note(b)
	lines := 0
	rest := b.Data
	for _, r := range b.Runs {
		count := s.p.counted(strings.Join(r.To.Groups, " "))
		err := s.sendLines(ctx, conn, b, r.To, r.Seq, rest[:r.Bytes], func(n int) {
			count.sent.Add(int64(n - s.handOver(b, lines, n)))
			lines += n
		})
		if err != nil {
			return err
		}
		rest = rest[r.Bytes:]
	}
	if cfg.Delivery == Ordered {
		s.buf = binary.BigEndian.AppendUint64(s.buf[:0], b.ID())
		if err := conn.Multicast(ctx, spread.Safe, 0, s.buf, conn.PrivateGroup()); err != nil {
			return err
		}
	}
	if err := conn.Flush(ctx); err != nil {
		return err
	}
	if cfg.Delivery == Sent {
		s.p.queue.Ack(b.ID())
	}
	return nil
}

// sendLines sends lines of a block that go to a target; seq is the number of the first. It passes the number of lines of each
// message to handed, unless that is nil.
func (s *sender) sendLines(ctx context.Context, conn spread.Connection, b *queue.Block, to *queue.Target, seq uint64, text []byte, handed func(n int)) error {
	for len(text) > 0 {
		payload, n := s.message(b, to, text)
		text = text[len(payload):]
		if !s.p.cfg.Plain {
			payload = s.wrap(b, to, seq, payload)
			seq += uint64(n)
		}
		if err := conn.Multicast(ctx, s.p.cfg.Service, s.p.cfg.MessType, payload, to.Groups...); err != nil {
			return err
		}
		if handed != nil {
			handed(n)
		}
	}
	return nil
}

// message returns the lines that share the first message of text, and how many they are.
func (s *sender) message(b *queue.Block, to *queue.Target, text []byte) (payload []byte, n int) {
	cfg := &s.p.cfg
	first := bytes.IndexByte(text, '\n') + 1
	most := min(cfg.BatchBytes, len(text))
	if most > first {
		limit := spread.MaxPayload(len(to.Groups))
		if !cfg.Plain {
			limit -= envelope.Len(b.Origin.Publisher)
		}
		most = bytes.LastIndexByte(text[:min(most, limit)], '\n') + 1
	}
	if most <= first {
		return text[:first], 1
	}
	return text[:most], bytes.Count(text[:most], []byte{'\n'})
}

// handOver notes that n lines of a block were handed to the session, behind those before. It returns how many of them were
// handed to one before.
func (s *sender) handOver(b *queue.Block, before, n int) (again int) {
	again = n
	if b.ID() == s.last {
		again = min(n, max(0, s.handed-before))
		s.handed = max(s.handed, before+n)
	}
	if again > 0 {
		s.p.count.resent.Add(int64(again))
	}
	return again
}

// wrap returns lines in an envelope. A line of a process before us may have had a shorter
// name to share a message with; then it is cut.
func (s *sender) wrap(b *queue.Block, to *queue.Target, seq uint64, lines []byte) []byte {
	s.header = envelope.Header{Publisher: b.Origin.Publisher, Epoch: to.Epoch, Stream: to.Stream, Seq: seq}
	s.buf = append(s.header.Append(s.buf[:0]), lines...)
	if most := spread.MaxPayload(len(to.Groups)); len(s.buf) > most {
		s.buf = append(s.buf[:most-1], '\n')
		s.p.count.truncated.Add(1)
	}
	return s.buf
}
