package ring

import (
	"fmt"
	"slices"

	"github.com/spreadd/spreadd/wire"
)

// In a replay, membership is not there: what it tells the ring is read off the
// form tokens that the daemon received and sent.

// sentForm stops the ring when the daemon makes or passes on the first form
// token, and lets it recover when it passes on the second.
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

// receivedForm lets the last daemon of the future ring recover, which does not
// pass the form token on.
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
	rec := Recovery{Future: v.ID, Members: slices.Concat(v.Members, v.Pending), LastSeq: t.Seq}
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
	return r.step(func(out *Effects) { r.ring.Recover(r.list[r.i].at, rec, out) })
}

// turnBehind handles a token of an accelerated ring as the daemon seems to
// have: after as many of the packets behind it as make the machine send what the daemon
// sent.
func (r *replay) turnBehind() error {
	tok, behind := r.token, r.behind
	r.token, r.behind = nil, nil
	var why error
	for n := range len(behind) + 1 {
		try := *r
		try.ring = clone(r.ring)
		try.pending, try.bodies = slices.Clone(r.pending), slices.Clone(r.bodies)
		if why = try.turnAfter(tok, behind[:n]); why != nil {
			continue
		}
		if why = try.agrees(len(r.pending)); why != nil {
			continue
		}
		r.ring, r.pending, r.bodies = try.ring, try.pending, try.bodies
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

// clone copies a machine, but for the blocks, which both hold.
func clone(r *Ring) *Ring {
	c := *r
	c.table.slots = slices.Clone(r.table.slots)
	c.users.list = slices.Clone(r.users.list)
	c.groups.list = slices.Clone(r.groups.list)
	c.assembling = slices.Clone(r.assembling)
	c.recovery.commit = slices.Clone(r.recovery.commit)
	c.numbers, c.body, c.scratch = nil, nil, nil
	return &c
}
