package logsub

import (
	"context"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spreadd/spreadd/logs/internal/logproto"
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
	r.joining = r.heal
	r.handOn()
	r.s.writers[0].putCut(&cut{heal: r.heal})
}

// thaw ends a healing with its connection.
func (r *receiver) thaw() {
	if !r.heals() {
		return
	}
	for _, x := range []*healing{r.joining, r.heal} {
		if x != nil {
			x.cancel()
		}
	}
	r.apart.CompareAndSwap(0, time.Now().UnixNano())
}

// healJoined has the files healed, because all groups are joined.
func (r *receiver) healJoined() {
	if r.heals() && r.joining != nil {
		r.greet(slices.Concat(slices.Collect(maps.Values(r.views))...))
		r.joining.begin()
	}
}

// greet introduces this log host to members of its groups that may be log hosts, each in its private
// group: so it needs no right to send to a log group, and no publisher can read or forge a hello.
func (r *receiver) greet(members []string) {
	var named, unnamed []string
	for _, m := range members {
		switch name := strings.TrimPrefix(m, "#"); {
		case m == r.own || slices.Contains(named, m) || slices.Contains(unnamed, m):
		case strings.HasPrefix(name, namePrefix):
			named = append(named, m)
		case chosenName.MatchString(name):
			unnamed = append(unnamed, m)
		}
	}
	h := r.s.healer
	message := h.hello.Append(nil)
	h.spawn(func() {
		// Lists of groups are bounded. A member that is no log host may have a name that the daemon has
		// chosen, and rules may forbid to send to it, which is no reason to send to nobody.
		for _, groups := range slices.Concat(slices.Collect(slices.Chunk(named, 50)), slices.Collect(slices.Chunk(unnamed, 1))) {
			ctx, cancel := context.WithTimeout(h.ctx, joinWait)
			if err := r.client.Multicast(ctx, spread.Agreed, 0, message, groups...); err != nil && h.ctx.Err() == nil {
				r.s.cfg.Log.Debug("cannot greet other log hosts", slog.Any("error", err))
			}
			cancel()
		}
	})
}

// namePrefix begins the private names of log hosts, unless the daemon has chosen one: because two on
// one daemon have the same process id, as in containers.
const namePrefix = "ls"

// chosenName matches private groups whose names a daemon has chosen.
var chosenName = regexp.MustCompile(`^r[0-9]+-[0-9]+#`)

// isHello reports whether a message is a hello.
func isHello(m *spread.Message) bool {
	kind, _, err := logproto.Split(m.Payload)
	return err == nil && kind == logproto.KindHello
}

// isMember reports whether a private group belongs to a member of a log group, which may read its lines
// anyway.
func (r *receiver) isMember(sender string) bool {
	for _, members := range r.views {
		if slices.Contains(members, sender) {
			return true
		}
	}
	return false
}

// met notes a hello of a member of the log groups: only those may read the files of this host. Files are healed from a log host whose hello comes too late for the healing at
// the join or merge, too.
func (r *receiver) met(body []byte, sender string) {
	if !r.heals() || sender == r.own || !r.isMember(sender) {
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
	if !r.heals() || !r.table.Load().has(m.Group) {
		return
	}
	if m.Cause == spread.SelfLeave {
		delete(r.views, m.Group)
	}
	if !m.Regular() {
		return
	}
	before, known := r.views[m.Group]
	r.views[m.Group] = slices.Clone(m.Members)
	r.handOn()
	switch {
	case m.Changed == r.own && m.Cause == spread.CauseJoin:
		if r.joining != nil && !r.joining.started() {
			r.joining.addView(m)
		} else {
			r.healListed(m)
		}
	case known:
		r.healChange(m, before)
	}
	r.s.writers[0].putCut(&cut{group: m.Group, id: viewID(m.ID), members: r.views[m.Group]})
}

// listWindow is how much later a log host may get a list of groups than others whose lines it then
// fetches.
const listWindow = 24 * time.Hour

// listedWait is how long the joins of a list may take until files are compared without the rest.
const listedWait = 5 * time.Second

// healListed has the files compared after the join of a group that a list has got: another log host
// may have joined it before. Joins that come together are one.
func (r *receiver) healListed(m *spread.Membership) {
	x := r.heal
	if x == nil || !x.listed || x.started() {
		x = newHealing(r.s.healer, r)
		x.listed, x.since = true, time.Now().Add(-listWindow)
		r.heal = x
		r.s.writers[0].putCut(&cut{heal: x})
		time.AfterFunc(listedWait, x.begin)
	}
	x.addView(m)
	x.mu.Lock()
	var strangers []string
	for _, member := range m.Members {
		if !x.newcomer[member] {
			x.newcomer[member] = true
			strangers = append(strangers, member)
		}
	}
	x.mu.Unlock()
	r.greet(strangers)
	if r.count.joined.Load() >= r.count.groups.Load() {
		x.begin()
	}
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
		r.greet(came)
		return
	}
	x := r.heal
	if x == nil || !x.merged || x.started() {
		x = newHealing(r.s.healer, r)
		x.merged = true
		r.heal = x
		r.s.writers[0].putCut(&cut{heal: x})
		r.greet(came)
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
