package recording

import (
	"fmt"
	"slices"
)

// Kind is how two recordings part.
type Kind string

// The kinds.
const (
	// Order: both have the two messages, in another order.
	Order Kind = "order"
	// Missing: one has a message or view that the other one does not have.
	Missing Kind = "missing"
	// Split: the daemons were in different rings, each of which delivers on its own.
	Split Kind = "split"
	// Gap: a recorder lost its connection.
	Gap Kind = "gap"
)

// Parting is a place where two recordings part.
type Parting struct {
	Kind Kind `json:"kind"`
	// A and B are the next events of both; nil at the end of a recording.
	A *Event `json:"a"`
	B *Event `json:"b"`
	// OnlyA and OnlyB are how many messages one recording has that the other one has not, up to
	// where they agree again. With order and missing, where the comparison ends, they are 0.
	OnlyA int `json:"only_a"`
	OnlyB int `json:"only_b"`
	// Again is the view from which on they agree again, if they do.
	Again *Event `json:"again,omitempty"`
	// at is where the events are in the recordings.
	at [2]int
}

// Result is what [Compare] finds.
type Result struct {
	Groups   []string  `json:"groups"`
	Messages int       `json:"messages"` // that are the same, in the same order
	Views    int       `json:"views"`
	Partings []Parting `json:"partings"`
	// Before and After are how many events each recording has before the part that both have, and
	// behind it.
	Before [2]int `json:"before"`
	After  [2]int `json:"after"`
}

// Agree reports whether the recordings agree where both were receiving.
func (r *Result) Agree() bool { return len(r.Partings) == 0 }

// item is an event that all members of its groups receive.
type item struct {
	key string // the same in all recordings
	at  int    // place in the recording
	*Event
	moving bool // between the transitional signal and the next view
}

// Compare compares two recordings of the same groups. The error says why there is nothing to
// compare.
func Compare(a, b *Recording) (*Result, error) {
	r := &Result{}
	for _, g := range a.groups() {
		if slices.Contains(b.groups(), g) {
			r.Groups = append(r.Groups, g)
		}
	}
	if len(r.Groups) == 0 {
		return nil, fmt.Errorf("nothing to compare: %s has views of %q, %s of %q", a.Name, a.groups(), b.Name, b.groups())
	}
	x, y := a.items(r.Groups), b.items(r.Groups)
	fromX, fromY, first := meet(x, y, r.Groups)
	if first == nil {
		return nil, fmt.Errorf("nothing to compare: %s and %s have no view in common, so they were recorded at other times or in other rings", a.Name, b.Name)
	}
	r.Before = [2]int{len(x) - len(fromX), len(y) - len(fromY)}
	for x, y = fromX, fromY; ; {
		n := r.run(x, y)
		x, y = x[n:], y[n:]
		kind, parted := part(x, y)
		if !parted {
			break
		}
		p := Parting{Kind: kind, A: head(x), B: head(y), at: [2]int{place(a, x), place(b, y)}}
		if kind == Order || kind == Missing {
			r.Partings = append(r.Partings, p)
			return r, nil
		}
		x, y, p.Again = r.skip(&p, x, y)
		r.Partings = append(r.Partings, p)
		if p.Again == nil {
			return r, nil
		}
	}
	r.After = [2]int{len(x), len(y)}
	return r, nil
}

// skip counts what each has on its own up to the next view that both have, and returns what follows.
func (r *Result) skip(p *Parting, x, y []item) (nextX, nextY []item, again *Event) {
	nextX, nextY, again = meet(x, y, r.Groups)
	p.OnlyA, p.OnlyB = messages(x)-messages(nextX), messages(y)-messages(nextY)
	return nextX, nextY, again
}

// items returns the events that members of the groups have in common.
func (r *Recording) items(groups []string) []item {
	var all []item
	moving := false
	for i := range r.Events {
		e := &r.Events[i]
		it := item{at: i, Event: e, moving: moving}
		switch {
		case e.Event == Membership && e.Cause == transitional:
			moving = true
			continue
		case e.Event == Disconnected:
			moving = false
		case e.View() && slices.Contains(groups, e.Group):
			moving = false
			it.key = viewKey(e)
		case e.Event == Message && slices.ContainsFunc(e.Groups, func(g string) bool { return slices.Contains(groups, g) }):
			it.key = fmt.Sprintf("%q %s %d %q %q", e.Sender, e.Service, number(e.Type), e.Groups, e.Data())
		default:
			continue
		}
		all = append(all, it)
	}
	return all
}

func number(n *int16) int16 {
	if n == nil {
		return 0
	}
	return *n
}

func viewKey(e *Event) string {
	return fmt.Sprintf("view %q %v %s %q %q", e.Group, *e.ID, e.Cause, e.Changed, e.Members)
}

// meet returns the parts from the first view on that both have, and that view. Events of a group
// before its own first view in common are left out.
func meet(x, y []item, groups []string) (fromX, fromY []item, first *Event) {
	inY := make(map[string]int)
	for i, it := range y {
		if it.View() {
			inY[it.key] = i
		}
	}
	startX, startY := make(map[string]int), make(map[string]int)
	for i, it := range x {
		if j, ok := inY[it.key]; ok && it.View() {
			if _, again := startX[it.Group]; again {
				continue
			}
			startX[it.Group], startY[it.Group] = i, j
			if first == nil {
				first = it.Event
			}
		}
	}
	return since(x, startX, groups), since(y, startY, groups), first
}

func since(all []item, start map[string]int, groups []string) []item {
	var from []item
	for i, it := range all {
		begun := func(g string) bool {
			n, ok := start[g]
			return ok && i >= n && slices.Contains(groups, g)
		}
		gap := it.Event.Event == Disconnected && len(from) > 0
		if gap || slices.ContainsFunc(it.In(), begun) {
			from = append(from, it)
		}
	}
	return from
}

// run counts the events at the begin that are the same, and returns their number.
func (r *Result) run(x, y []item) int {
	n := 0
	for n < len(x) && n < len(y) && x[n].key == y[n].key && x[n].key != "" {
		if x[n].View() {
			r.Views++
		} else {
			r.Messages++
		}
		n++
	}
	return n
}

// part reports how two recordings part in front of x and y. They do not if one of them ends.
func part(x, y []item) (Kind, bool) {
	lost := func(z []item) bool { return len(z) > 0 && z[0].Event.Event == Disconnected }
	network := func(z []item) bool { return z[0].moving || z[0].View() && z[0].Cause == "network" }
	has := func(z []item, key string) bool {
		return slices.ContainsFunc(z, func(it item) bool { return it.key == key })
	}
	switch {
	case len(x) == 0 || len(y) == 0:
		// A recorder that loses its connection at the end, or while the other one ends, misses nothing.
		return "", false
	case lost(x) || lost(y):
		return Gap, true
	case network(x) || network(y):
		return Split, true
	case has(x, y[0].key) && has(y, x[0].key):
		return Order, true
	default:
		return Missing, true
	}
}

func messages(items []item) int {
	n := 0
	for _, it := range items {
		if it.Event.Event == Message {
			n++
		}
	}
	return n
}

func head(x []item) *Event {
	if len(x) == 0 {
		return nil
	}
	return x[0].Event
}

func place(r *Recording, x []item) int {
	if len(x) == 0 {
		return len(r.Events)
	}
	return x[0].at
}

// At is the place of a parting in the events of a recording: 0 for the first recording, 1 for the
// second one.
func (p *Parting) At(i int) int { return p.at[i] }
