package sim

import (
	"fmt"
	"strings"

	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/wire"
)

// node is a message or a view in the order of all deliveries.
type node struct {
	name  string
	next  []edge
	in    int // edges that lead here and are not taken away yet
	taken bool
}

type edge struct {
	to   *node
	life *Life
	at   clock.Time
}

// viewKey names a view at all daemons of a configuration. Its id alone does not. When the network
// partitions, a group whose members are all on one side keeps its id there and counts on. The other
// side may have delivered one more join or leave of the old configuration under the next number
// (groups-protocol §6.1, §9).
type viewKey struct {
	group wire.Name
	id    wire.GroupID
	in    wire.MembershipID // the regular or transitional configuration
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
		var in wire.MembershipID
		for i := range l.Stream {
			e := &l.Stream[i]
			var n *node
			switch {
			case e.Conf != nil:
				in = e.Conf.ID
				continue
			case e.Kind == EntryData && !e.Message.early():
				n = &messages[e.Message.Number]
				n.name = e.Message.String()
			case e.Kind == EntryView && e.View.regular() && a.Held:
				k := viewKey{e.View.Group, e.View.ID, in}
				n = views[k]
				if n == nil {
					n = &node{name: fmt.Sprintf("view %v.%v", k.group, k.id)}
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
		reportCircle(left, r)
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
		n.taken = true
		for _, e := range n.next {
			if e.to.in--; e.to.in == 0 {
				free = append(free, e.to)
			}
		}
	}
	for _, n := range all {
		if !n.taken {
			return n
		}
	}
	return nil
}

// reportCircle reports the shortest cycle through the remaining nodes.
func reportCircle(n *node, r *report) {
	// Every remaining node has a remaining predecessor. Follow them until one repeats.
	seen := make(map[*node]int)
	var path []edge
	at := n
	for {
		if from, ok := seen[at]; ok {
			path = path[from:]
			break
		}
		seen[at] = len(path)
		var step *edge
		for i := range at.next {
			if e := &at.next[i]; !e.to.taken && (step == nil || leadsBack(e.to)) {
				step = e
				if leadsBack(e.to) {
					break
				}
			}
		}
		if step == nil { // after a cycle, not in it
			at.taken = true
			reportAny(r, n)
			return
		}
		path = append(path, *step)
		at = step.to
	}
	var b strings.Builder
	b.WriteString(at.name)
	for _, e := range path {
		fmt.Fprintf(&b, " then (%s at %s) %s", e.life.Name, strings.TrimSpace(stamp(e.at)), e.to.name)
	}
	r.add(path[len(path)-1].at, "no order suits all: %s", b.String())
}

// leadsBack reports whether a node has a remaining successor.
func leadsBack(n *node) bool {
	for _, e := range n.next {
		if !e.to.taken {
			return true
		}
	}
	return false
}

func reportAny(r *report, n *node) {
	r.add(0, "no order fits all deliveries: %s is in a contradiction, or follows one", n.name)
}
