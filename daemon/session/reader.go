package session

import (
	"log/slog"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/wire"
)

// reader takes messages out of a session's stream. It reads into a block as
// much as there is, and hands on all whole messages in it; the block is shared with
// them, and only what lies behind them is written by later reads.
type reader struct {
	session *Session
	block   *buf.Block
	lo, hi  int // bytes read and not yet handed on
	need    int // length of the message at lo, as far as known
	filled  bool
}

// run reads until the session ends and says why.
func (r *reader) run() End {
	r.block = r.session.server.cfg.Pool.Get(buf.Small)
	defer func() { r.block.Release() }()
	for {
		r.makeRoom()
		mem := r.block.Bytes()
		n, err := r.session.conn.Read(mem[r.hi:])
		r.filled = n == len(mem)-r.hi
		r.hi += n
		if end := r.handOn(); end != 0 {
			return end
		}
		if err != nil {
			// End of stream and failure are the same: half a message is
			// thrown away (client-protocol §7.3).
			return SessionClosed
		}
	}
}

// makeRoom sees to it that the message at lo fits into what is left of the
// block, and that at least a header can be read.
func (r *reader) makeRoom() {
	size := len(r.block.Bytes())
	if r.lo == r.hi && r.block.Refs() == 1 && size <= buf.Medium && (!r.filled || size == buf.Medium) {
		// Nobody else holds the block, and it has the right size, so it can
		// be filled anew.
		r.lo, r.hi = 0, 0
		return
	}
	if r.lo+max(r.need, wire.HeaderLen) <= size && r.hi < size {
		return
	}
	// A client that filled its block has more to say; one that has not keeps
	// to its size.
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

// handOn checks and hands on the whole messages between lo and hi. It returns
// an end if the session may not go on.
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
			return SessionIllegal
		}
		// The check comes as soon as the header is complete: a client that
		// announces nonsense is not waited for.
		if why := h.CheckRequest(&r.session.group); why != wire.NotRefused {
			s.count.refused[why].Add(1)
			s.cfg.Log.Debug("illegal header, dropping the session",
				slog.String("session", r.session.group.String()), slog.String("reason", why.String()), slog.String("type", h.Type.String()))
			return SessionIllegal
		}
		r.need = wire.HeaderLen + wire.NameLen*int(h.NumGroups) + int(h.DataLen)
		if r.hi-r.lo < r.need {
			return 0
		}
		h.Normalize(mem[r.lo:])
		if b == nil {
			b = s.batch(r.session, Messages)
		}
		b.all = append(b.all, buf.Slice{Block: r.block, Lo: r.lo, Hi: r.lo + r.need})
		r.lo += r.need
		r.need = 0
		if h.Type&wire.Kill != 0 {
			// What follows a disconnect is not read (client-protocol §7.3).
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

// flush hands a batch to the owner.
func (r *reader) flush(b *Batch) bool {
	r.block.Retain()
	b.block, b.Messages = r.block, b.all
	r.session.server.count.received.Add(int64(len(b.Messages)))
	return r.session.server.send(b)
}
