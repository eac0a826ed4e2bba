package ring

import (
	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/wire"
)

// assembly holds the messages that have arrived in part, at most one of each maker.
type assembly struct {
	// partials are indexed by the maker's place (see maker).
	partials []partial
	// former are daemons that are no longer configured, but whose packets the old ring may still
	// hold. Their places follow those of the configured daemons.
	former []wire.DaemonID
}

// partial is a message of one maker that has arrived in part (ring-protocol §17.6). It holds a
// reference to its block. The zero value is no message.
type partial struct {
	data buf.Slice
	// size is the length of the message according to its header.
	size int
	// fragments counts the fragments received so far.
	fragments int16
	// own reports that the block comes from the pool and holds this message alone. Otherwise data
	// is in the fragments' own block: fragments of a local session lie next to each other there, so
	// they need no copy.
	own bool
}

// eachFragment calls yield for each fragment of a stored packet, which has passed CheckFragments.
func eachFragment(s *slot, yield func(index int16, data buf.Slice)) {
	p := wire.Packet{First: s.first, Body: s.body.Bytes()}
	fragments := p.Fragments()
	at := s.body.Lo
	for f, ok := fragments.Next(); ok; f, ok = fragments.Next() {
		yield(f.Index, buf.Slice{Block: s.body.Block, Lo: at, Hi: at + len(f.Data)})
		at += len(f.Data)
		at += -(at-s.body.Lo)&3 + fragmentHeaderLen
	}
}

// fragmentHeaderLen is the size of the header of a further fragment, which begins at a multiple of
// 4 in the body (ring-protocol §7.2).
const fragmentHeaderLen = 4

// assemble takes the next fragment of a maker, in total order, and delivers the message if that
// completes it.
func (r *Ring) assemble(s *slot, index int16, data buf.Slice, out *Effects) {
	p := &r.assembly.partials[s.maker]
	number := max(index, -index)
	if number != p.fragments+1 {
		r.dropPartial(p, FragmentOutOfStep, out)
		if number != 1 {
			return
		}
	}
	if index == -1 {
		r.deliverWhole(s, data, out)
		return
	}
	if !r.extend(p, data, out) || index > 0 {
		return
	}
	if p.data.Len() != p.size {
		r.dropPartial(p, MessageMalformed, out)
		return
	}
	out.deliver(Message{Service: s.service, Data: p.data, Proc: s.proc})
	p.drop(out)
}

// extend adds a fragment to a message. If the fragment disagrees with the message's header, extend
// drops the message and reports false.
func (r *Ring) extend(p *partial, data buf.Slice, out *Effects) bool {
	if p.fragments == 0 {
		size, ok := messageSize(data.Bytes())
		if !ok {
			r.count(MessageMalformed)
			return false
		}
		data.Block.Retain()
		*p = partial{data: data, size: size, fragments: 1}
		return true
	}
	if p.data.Len()+data.Len() > p.size {
		r.dropPartial(p, MessageMalformed, out)
		return false
	}
	p.fragments++
	if !p.own && data.Block == p.data.Block && data.Lo == p.data.Hi {
		p.data.Hi = data.Hi
		return true
	}
	if !p.own {
		b := r.cfg.Pool.Get(p.size)
		n := copy(b.Bytes(), p.data.Bytes())
		out.release(p.data.Block)
		p.data, p.own = buf.Slice{Block: b, Hi: n}, true
	}
	p.data.Hi += copy(p.data.Block.Bytes()[p.data.Hi:], data.Bytes())
	return true
}

// dropPartial drops a message that has arrived in part, if there is one, and counts the reason.
func (r *Ring) dropPartial(p *partial, why Reason, out *Effects) {
	r.count(why)
	p.drop(out)
}

// drop releases the message's block.
func (p *partial) drop(out *Effects) {
	out.release(p.data.Block)
	*p = partial{}
}

// dropPartials drops all messages that have arrived in part, because their rings have ended
// (ring-protocol §17.6).
func (r *Ring) dropPartials(out *Effects) {
	for i := range r.assembly.partials {
		r.assembly.partials[i].drop(out)
	}
}
