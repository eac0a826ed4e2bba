package logsub

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/spreadd/spreadd/spread"
)

// This file is what a receiver does for the healing of files: it finds the points in the order of
// messages, and passes them to the writer in their place.

// heals reports whether log files are healed.
func (r *receiver) heals() bool { return r.s.healer != nil }

// freeze has the writer wait, from a new connection on, until the files are healed.
func (r *receiver) freeze() {
	if !r.heals() {
		return
	}
	r.views = make(map[string][]string)
	r.heal = newHealing(r.s.healer, r)
	r.handOn()
	r.s.writers[0].putCut(&cut{heal: r.heal})
}

// thaw ends a healing with its connection.
func (r *receiver) thaw() {
	if !r.heals() {
		return
	}
	if r.heal != nil {
		r.heal.cancel()
	}
	r.apart.CompareAndSwap(0, time.Now().UnixNano())
}

// healJoined has the files healed, because all groups are joined.
func (r *receiver) healJoined() {
	if r.heals() && r.heal != nil {
		r.greet()
		r.heal.begin()
	}
}

// greet introduces this log host to the others.
func (r *receiver) greet() {
	h := r.s.healer
	message := h.hello.Append(nil)
	h.spawn(func() {
		// Lists of groups are bounded.
		for groups := range slices.Chunk(r.groups, 50) {
			ctx, cancel := context.WithTimeout(h.ctx, joinWait)
			if err := r.client.Multicast(ctx, spread.Agreed, 0, message, groups...); err != nil && h.ctx.Err() == nil {
				r.s.cfg.Log.Debug("cannot greet other log hosts", slog.Any("error", err))
			}
			cancel()
		}
	})
}

// met notes a hello. Files are healed from a log host whose hello comes too late for the healing at
// the join or merge, too.
func (r *receiver) met(body []byte, sender string) {
	if !r.heals() || sender == r.own {
		return
	}
	k := r.s.healer.meet(body, sender)
	if k == nil || r.heal == nil {
		return
	}
	if x := r.heal.late(k); x != nil {
		r.heal = x
		r.handOn()
		r.s.writers[0].putCut(&cut{heal: x})
	}
}

// healView notes a view of a group. What is before it in the order is before it in the writer's list.
func (r *receiver) healView(m *spread.Membership) {
	if !r.heals() || !m.Regular() || !slices.Contains(r.groups, m.Group) {
		return
	}
	before, known := r.views[m.Group]
	r.views[m.Group] = slices.Clone(m.Members)
	r.handOn()
	switch {
	case m.Changed == r.own && m.Cause == spread.CauseJoin:
		if r.heal != nil {
			r.heal.addView(m)
		}
	case known:
		r.healChange(m, before)
	}
	r.s.writers[0].putCut(&cut{group: m.Group, id: viewID(m.ID)})
}

// healChange reacts to other members that came or went.
func (r *receiver) healChange(m *spread.Membership, before []string) {
	came := without(m.Members, before)
	if len(without(before, m.Members)) > 0 {
		r.apart.CompareAndSwap(0, time.Now().UnixNano()) // somebody went, perhaps to another part of the network
	}
	if len(came) == 0 {
		return
	}
	if m.Cause != spread.CauseNetwork {
		r.greet()
		return
	}
	x := r.heal
	if x == nil || !x.merged || x.started() {
		x = newHealing(r.s.healer, r)
		x.merged = true
		r.heal = x
		r.s.writers[0].putCut(&cut{heal: x})
		r.greet()
		time.AfterFunc(viewsWait, x.begin)
	}
	x.addView(m)
	x.mu.Lock()
	for _, member := range came {
		x.newcomer[member] = true
	}
	x.mu.Unlock()
}

// without returns the members of a view that another one lacks.
func without(members, others []string) (list []string) {
	for _, m := range members {
		if !slices.Contains(others, m) {
			list = append(list, m)
		}
	}
	return list
}

// started reports whether the views are complete.
func (x *healing) started() bool {
	select {
	case <-x.ready:
		return true
	default:
		return false
	}
}
