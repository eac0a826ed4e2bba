package session

import (
	"log/slog"
	"time"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/wire"
)

// reader extracts messages from a session's stream. It reads all available bytes into a block and
// passes on the whole messages in it. The messages share the block, and later reads write only
// behind them.
type reader struct {
	session *Session
	block   *buf.Block // nil while an idle session waits
	lo, hi  int        // bytes that were read and not passed on yet
	need    int        // length of the message at lo, or 0 if it is not known yet
	filled  bool       // whether the last read filled the block
	waiter  waiter
	answer  chan *Batch // for batches with joins or leaves, nil before the first
}

// run reads until the session ends and returns why.
func (r *reader) run() End {
	r.block = r.session.server.cfg.Pool.Get(buf.Small)
	defer func() {
		if r.block != nil {
			r.block.Release()
		}
	}()
	idles := r.waiter.init(r.session)
	for {
		var n int
		var err error
		if idles && r.lo == r.hi && !r.filled {
			r.block, r.hi, n, err = r.waiter.read(r.block, r.hi)
			r.lo = r.hi
		} else {
			r.makeRoom()
			n, err = r.session.conn.Read(r.block.Bytes()[r.hi:])
		}
		if r.block == nil {
			return SessionClosed
		}
		r.filled = n == len(r.block.Bytes())-r.hi
		r.hi += n
		if end := r.handOn(); end != 0 {
			return end
		}
		if err != nil {
			// The end of the stream and a failure are the same: a partial message is dropped
			// (client-protocol §7.3).
			return SessionClosed
		}
	}
}

// makeRoom makes sure that the message at lo, and at least a header, fits into the rest of the
// block. It gets a new block if necessary.
func (r *reader) makeRoom() {
	size := len(r.block.Bytes())
	if r.lo == r.hi && r.block.Refs() == 1 && size <= buf.Medium && (!r.filled || size == buf.Medium) {
		// Nobody else holds the block, and it has the right size, so it can be used again.
		r.lo, r.hi = 0, 0
		return
	}
	if r.lo+max(r.need, wire.HeaderLen) <= size && r.hi < size {
		return
	}
	// A client that has filled its block has more to send and gets a larger one.
	want := max(r.need, buf.Small)
	if r.filled || size > buf.Small {
		want = max(want, buf.Medium)
	}
	next := r.session.server.cfg.Pool.Get(want)
	r.hi = copy(next.Bytes(), r.block.Bytes()[r.lo:r.hi])
	r.lo = 0
	r.filled = false
	r.block.Release()
	r.block = next
}

// handOn checks the whole messages between lo and hi and passes them on. It returns an End if the
// session must end.
func (r *reader) handOn() (end End) {
	s := r.session.server
	var b *Batch
	defer func() {
		if b != nil && !r.flush(b) {
			end = SessionShutdown
		}
	}()
	var h wire.Header
	mem := r.block.Bytes()
	for r.hi-r.lo >= wire.HeaderLen {
		if err := h.Decode(mem[r.lo:r.hi]); err != nil {
			return r.illegal(slog.Any("error", err))
		}
		// The header is checked as soon as it is complete. The reader does not wait for the body of
		// an illegal message.
		if why := h.CheckRequest(&r.session.group); why != wire.NotRefused {
			s.count.refused[why].Add(1)
			return r.illegal(slog.String("reason", why.String()), slog.String("type", h.Type.String()))
		}
		r.need = wire.HeaderLen + wire.NameLen*int(h.NumGroups) + int(h.DataLen)
		if r.hi-r.lo < r.need {
			return 0
		}
		h.Normalize(mem[r.lo:])
		if wire.IsNoticeRequest(&h, mem[r.lo:r.lo+r.need]) {
			r.session.out.allowNotices()
			r.lo += r.need
			r.need = 0
			continue
		}
		if b == nil {
			b = s.batch(r.session, Messages)
		}
		b.all = append(b.all, buf.Slice{Block: r.block, Lo: r.lo, Hi: r.lo + r.need})
		if h.Type&(wire.Join|wire.Leave) != 0 {
			if r.answer == nil {
				r.answer = make(chan *Batch, 1)
			}
			b.answer = r.answer
		}
		r.lo += r.need
		r.need = 0
		if h.Type&wire.Kill != 0 {
			// The daemon does not read what follows a disconnect (client-protocol §7.3).
			r.session.Drop(SessionKill)
			return SessionKill
		}
		if len(b.all) == batchMessages {
			full := b
			b = nil
			if !r.flush(full) {
				return SessionShutdown
			}
		}
	}
	return 0
}

// illegal reports a header that the protocol forbids.
func (r *reader) illegal(why ...any) End {
	r.session.Warn("client sent a header that the protocol forbids, disconnecting it", why...)
	r.session.out.part(&wire.Notice{
		Kind: wire.NoticeEnding, Cause: wire.EndingIllegal,
		Text: []byte("the daemon ends this session: the client sent a header that the protocol forbids"),
	})
	return SessionIllegal
}

// flush passes a batch to the owner. It reports false if the server is stopping.
func (r *reader) flush(b *Batch) bool {
	r.block.Retain()
	b.block, b.Messages = r.block, b.all
	n := len(b.Messages)
	r.session.server.count.received.Add(int64(n))
	r.session.sent.Add(int64(n))
	r.session.sentBytes.Add(int64(b.Messages[n-1].Hi - b.Messages[0].Lo))
	if b.answer != nil {
		return r.await(b)
	}
	return r.session.server.send(b)
}

// await passes a batch with joins or leaves to the owner until all of it is processed. When they have
// cost others too much, the owner returns the rest, and nothing is read from the client for a while. It
// reports false if the session or the server is ending.
func (r *reader) await(b *Batch) bool {
	s := r.session.server
	for s.send(b) {
		select {
		case b = <-r.answer:
		case <-s.done:
			// The owner has stopped. It may have returned the batch just before; otherwise Close has it.
			select {
			case b = <-r.answer:
				if b != nil {
					b.Done()
				}
			default:
			}
			return false
		}
		if b == nil {
			return true
		}
		r.pause(b.wait)
		if end := End(r.session.dropped.Load()); end != 0 && end != SessionKill {
			b.Done()
			return false
		}
	}
	return false
}

// hangUpPoll is the time between two looks at whether a client that has to wait has closed its connection.
const hangUpPoll = 100 * time.Millisecond

// pause waits for some time, but not longer than for the end of the connection: of a client that has
// gone, the owner waits for nothing, so that its name is soon free.
func (r *reader) pause(d time.Duration) {
	for ; d > 0 && !r.session.left.Load(); d -= hangUpPoll {
		select {
		case <-time.After(min(d, hangUpPoll)):
		case <-r.session.server.done:
			return
		}
		if hungUp(r.session.conn) {
			r.session.left.Store(true)
		}
	}
}
