package ring

import (
	"fmt"
	"slices"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// A replay has no membership machine. What it would say to the ring is taken from the form tokens
// that the daemon received and sent.

// fillTable completes the state for a capture that begins in mid-traffic, with a token whose aru is
// below its seq: the daemon has everything in between, except what it requests itself.
func (r *replay) fillTable() {
	var t wire.Token
	if err := t.Decode(r.list[0].payload); err != nil || t.Aru == t.Seq {
		return
	}
	g := r.ring
	var missing []int32
	requests := t.Requests()
	q, _ := requests.Next()
	if t.Transmitter == r.self.ID {
		for i := range q.NumSeqs() {
			missing = append(missing, q.Seq(i))
		}
		g.token.last.Type = t.Type
	}
	g.token.last.Aru = t.Aru
	g.seq.highest, g.seq.aru, g.seq.lastDiscarded, g.seq.lastDelivered = t.Seq, t.Aru, t.Aru, t.Aru
	if r.self.ID == r.top.Daemons()[0].ID {
		g.token.made = 20 // as the next token's flow_control shows
	}
	var out Effects
	for seq := t.Aru + 1; seq <= t.Seq; seq++ {
		if slices.Contains(missing, seq) {
			continue
		}
		s := g.table.add(seq, t.Aru)
		s.state = delivered
		s.body = buf.Slice{Block: buf.Wrap(nil)}
		for i := range r.list {
			var p wire.Packet
			d := &r.list[i]
			if !r.isToken(d) && p.Decode(d.payload) == nil && p.Seq == seq && p.Membership == g.id {
				g.table.remove(s, &out)
				g.seq.highest = t.Seq
				g.HandlePacket(r.list[0].at, &p, buf.Slice{Block: buf.Wrap(d.payload), Hi: len(d.payload)}, &out)
				break
			}
		}
	}
	g.countAru()
	g.seq.lastDelivered = g.seq.myAru
}

// sentForm stops the ring when the daemon makes or forwards the first form token, and makes it
// recover when it forwards the second.
func (r *replay) sentForm(d *captured, t *wire.Token) error {
	if t.Type&wire.TokenForm1 != 0 {
		r.ring.Stop(d.at)
		return nil
	}
	if r.ring.state != Recovering && r.named(t) {
		return r.recover(t)
	}
	return nil
}

// receivedForm makes the last daemon of the future ring recover, which does not forward the form
// token.
func (r *replay) receivedForm(t *wire.Token) error {
	if t.Type&wire.TokenForm2 == 0 || r.ring.state != Down {
		return nil
	}
	var f wire.Form
	if err := f.Decode(t); err != nil {
		return err
	}
	v := f.Value()
	all := slices.Concat(v.Members, v.Pending)
	if len(all) > 0 && all[len(all)-1] == r.self.ID {
		return r.recover(t)
	}
	return nil
}

// named reports whether the token lists the daemon as one that has read it.
func (r *replay) named(t *wire.Token) bool {
	var f wire.Form
	if f.Decode(t) != nil {
		return false
	}
	return slices.Contains(f.Value().Members, r.self.ID)
}

func (r *replay) recover(t *wire.Token) error {
	var f wire.Form
	if err := f.Decode(t); err != nil {
		return err
	}
	v := f.Value()
	rec := topology.Recovery{Future: v.ID, Members: slices.Concat(v.Members, v.Pending), LastSeq: t.Seq}
	found := false
	for _, e := range v.Rings {
		if slices.Contains(e.Commit[:e.NumTrans], r.self.ID) {
			rec.Aru, rec.Highest, rec.Holes, rec.Commit = e.Aru, e.HighestSeq, e.Holes, e.Commit
			found = true
		}
	}
	if !found {
		return fmt.Errorf("the form token has no entry of this daemon's ring")
	}
	if g := r.ring; g.stats.MembershipChanges == 0 && rec.Aru == rec.Highest {
		// The old ring was before the capture and is complete.
		g.seq.highest, g.seq.myAru, g.seq.aru, g.seq.lastDiscarded, g.seq.lastDelivered = rec.Aru, rec.Aru, rec.Aru, rec.Aru, rec.Aru
	}
	return r.step(func(out *Effects) { r.ring.Recover(r.list[r.i].at, rec, out) })
}

// turnBehind handles a token of an accelerated ring as the daemon seems to have handled it: after
// as many of the packets behind the token as make the machine send what the daemon sent.
func (r *replay) turnBehind() error {
	tok, behind := r.token, r.behind
	r.token, r.behind = nil, nil
	var why error
	for n := range len(behind) + 1 {
		try := *r
		try.ring = clone(r.ring)
		try.pending, try.bodies, try.delivered = slices.Clone(r.pending), slices.Clone(r.bodies), slices.Clone(r.delivered)
		if why = try.turnAfter(tok, behind[:n]); why != nil {
			continue
		}
		if why = try.agrees(len(r.pending)); why != nil {
			continue
		}
		r.ring, r.pending, r.bodies, r.delivered = try.ring, try.pending, try.bodies, try.delivered
		for _, b := range behind[n:] {
			if err := r.data(r.ring, b); err != nil {
				return err
			}
		}
		return nil
	}
	return why
}

func (r *replay) turnAfter(tok *captured, before []*captured) error {
	for _, b := range before {
		if err := r.data(r.ring, b); err != nil {
			return err
		}
	}
	var t wire.Token
	if err := t.Decode(tok.payload); err != nil {
		return err
	}
	return r.step(func(out *Effects) { r.ring.HandleToken(tok.at, &t, out) })
}

// agrees reports whether the next token that the daemon sent is the machine's.
func (r *replay) agrees(earlier int) error {
	for i := earlier; i < len(r.pending); i++ {
		if !r.pending[i].To.Token {
			continue
		}
		for j := r.i; j < len(r.list); j++ {
			if d := &r.list[j]; d.from == r.self.Addr && r.isRegular(d) {
				try := *r
				try.pending, try.bodies = r.pending[i:], r.bodies[i:]
				return try.compare(d)
			}
		}
	}
	return nil
}

// clone copies a machine. Both hold the same blocks.
func clone(r *Ring) *Ring {
	c := *r
	c.table.slots = slices.Clone(r.table.slots)
	c.sending.users.list = slices.Clone(r.sending.users.list)
	c.sending.groups.list = slices.Clone(r.sending.groups.list)
	c.assembly.partials = slices.Clone(r.assembly.partials)
	c.recovery.commit = slices.Clone(r.recovery.commit)
	c.scratch.numbers, c.scratch.body, c.scratch.token = nil, nil, nil
	return &c
}
