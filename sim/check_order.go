package sim

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spreadd/spreadd/internal/clock"
)

// node is a message or a view in the order of all deliveries.
type node struct {
	message *Message // nil for a view
	view    viewKey
	next    []edge
	in      int // edges that lead here and are not taken away yet
}

func (n *node) name() string {
	if n.message != nil {
		return n.message.String()
	}
	return fmt.Sprintf("view %v.%v", n.view.group, n.view.id)
}

type edge struct {
	to   *node
	life *Life
	at   clock.Time
}

// checkOrder checks M6 of membership-protocol §15 and G6 of groups-protocol §12: there is one
// order, of messages and of the views of all groups, that all deliveries conform to. Reliable
// messages are exempt.
func checkOrder(a *analysis, r *report) {
	messages := make([]node, len(a.Messages))
	views := make(map[viewKey]*node)
	var all []*node
	for _, l := range a.Daemons {
		var before *node
		for i := range l.Stream {
			e := &l.Stream[i]
			var n *node
			switch {
			case e.Kind == EntryData && !e.Message.early():
				n = &messages[e.Message.Number]
				n.message = e.Message
			case e.Kind == EntryView && e.View.regular() && a.Held:
				k := viewKey{e.View.Group, e.View.ID, e.In}
				n = views[k]
				if n == nil {
					n = &node{view: k}
					views[k] = n
					all = append(all, n)
				}
			default:
				continue
			}
			if n == before {
				continue // the copies of a view for a joiner and for the others
			}
			if before != nil {
				before.next = append(before.next, edge{n, l, e.At})
				n.in++
			}
			before = n
		}
	}
	for i := range messages {
		all = append(all, &messages[i])
	}
	if left := takeAway(all); left != nil {
		reportCircle(all, left, r)
	}
}

// takeAway removes nodes without predecessors until none can be removed. It returns a remaining
// node, or nil.
func takeAway(all []*node) *node {
	var free []*node
	for _, n := range all {
		if n.in == 0 {
			free = append(free, n)
		}
	}
	for len(free) > 0 {
		n := free[len(free)-1]
		free = free[:len(free)-1]
		for _, e := range n.next {
			if e.to.in--; e.to.in == 0 {
				free = append(free, e.to)
			}
		}
	}
	i := slices.IndexFunc(all, func(n *node) bool { return n.in > 0 })
	if i < 0 {
		return nil
	}
	return all[i]
}

// reportCircle reports a cycle of remaining nodes that a node is in or behind.
func reportCircle(all []*node, n *node, r *report) {
	// Every remaining node has a remaining predecessor. Follow these until one repeats.
	last := make(map[*node]edge) // into each node
	from := make(map[*node]*node)
	for _, p := range all {
		for _, e := range p.next {
			if p.in > 0 && e.to.in > 0 {
				last[e.to], from[e.to] = e, p
			}
		}
	}
	seen := make(map[*node]bool)
	for !seen[n] {
		seen[n] = true
		n = from[n]
	}
	text, at := "", last[n].at
	for first := n; text == "" || n != first; n = from[n] {
		e := last[n]
		text = fmt.Sprintf(" then (%s at %s) %s", e.life.Name, strings.TrimSpace(stamp(e.at)), e.to.name()) + text
	}
	r.add(at, "no order suits all: %s%s", n.name(), text)
}
