package ringtest

import (
	"fmt"
	"slices"

	"github.com/spreadd/spreadd/spread"
)

// group is the group of which all clients are members.
const group = "room"

// record is everything that one client sent and received.
type record struct {
	id     string // unique name of the client
	name   string // its private group, which a later client may have too
	killed bool   // whether its daemon was killed, so that its last messages may be lost
	sent   int    // messages, numbered from 1
	// settled is the number of the first message after the last fault, or 0.
	settled int
	events  []event
}

// event is a membership message or, if membership is nil, a message.
type event struct {
	message
	membership *spread.Membership
}

// message identifies a message by its sender and number.
type message struct {
	from    string // the record's id
	n       int
	service spread.Service
}

func (m message) String() string { return fmt.Sprintf("%s/%d (%v)", m.from, m.n, m.service) }

// ordered reports whether the message is part of the total order. Reliable messages are not: they
// may be delivered on arrival (ring-protocol §17.1).
func (m message) ordered() bool { return m.service > spread.Reliable }

// stretch is what a client received in one view.
type stretch struct {
	of         *record
	view, next *spread.Membership // next is nil in the last stretch
	messages   []message          // messages in the total order
	// signal is the number of messages before the transitional signal.
	signal int
}

// stretches splits a record at its views.
func (r *record) stretches() []stretch {
	var all []stretch
	for _, e := range r.events {
		last := len(all) - 1
		switch m := e.membership; {
		case m == nil:
			if last >= 0 && e.ordered() {
				all[last].messages = append(all[last].messages, e.message)
			}
		case m.Regular():
			if last >= 0 {
				all[last].next = m
			}
			all = append(all, stretch{of: r, view: m, signal: -1})
		case m.Cause == spread.Transitional && last >= 0 && all[last].signal < 0:
			all[last].signal = len(all[last].messages)
		}
	}
	for i := range all {
		if all[i].signal < 0 {
			all[i].signal = len(all[i].messages)
		}
	}
	return all
}

// properties lists what must be true of the records of a run.
var properties = []struct {
	name  string
	check func(all []*record, fail func(format string, args ...any))
}{
	{"each message once, in its sender's order", checkSenders},
	{"own messages come back", checkSelfDelivery},
	{"one total order", checkTotalOrder},
	{"views contain their receiver", checkSelfInclusion},
	{"one id, one view", checkSameView},
	{"sets of a view", checkSets},
	{"virtual synchrony", checkSynchrony},
	{"safe messages", checkSafe},
	{"all arrive after the last fault", checkSettled},
}

// violations returns the violations of the properties, but not more than a few of each.
func violations(all []*record) []string {
	const most = 5 // of one property; the others are mostly similar
	var found []string
	for _, p := range properties {
		n := 0
		p.check(all, func(format string, args ...any) {
			if n++; n <= most {
				found = append(found, p.name+": "+fmt.Sprintf(format, args...))
			}
		})
	}
	return found
}

// No message is delivered twice, and ordered messages of one sender are delivered in the order of
// sending. No message is invented, and none is delivered to a client without a view.
func checkSenders(all []*record, fail func(string, ...any)) {
	sent := make(map[string]int)
	for _, r := range all {
		sent[r.id] = r.sent
	}
	for _, r := range all {
		seen := make(map[message]bool)
		last := make(map[string]int)
		member := false
		for _, e := range r.events {
			if e.membership != nil {
				member = member || e.membership.Regular()
				continue
			}
			switch {
			case !member:
				fail("%s got %v before its first view", r.id, e.message)
			case seen[e.message]:
				fail("%s got %v twice", r.id, e.message)
			case e.n < 1 || e.n > sent[e.from]:
				fail("%s got %v, of %d that were sent", r.id, e.message, sent[e.from])
			case e.ordered() && e.n < last[e.from]:
				fail("%s got %v after number %d", r.id, e.message, last[e.from])
			}
			seen[e.message] = true
			if e.ordered() {
				last[e.from] = e.n
			}
		}
	}
}

// A client that sends to its own group receives its own messages without a gap, and up to the last
// one if its daemon was not killed.
func checkSelfDelivery(all []*record, fail func(string, ...any)) {
	for _, r := range all {
		own := make([]bool, r.sent+1)
		top := 0
		for _, e := range r.events {
			if e.membership == nil && e.from == r.id && e.n >= 1 && e.n <= r.sent {
				own[e.n] = true
				if e.ordered() {
					top = max(top, e.n)
				}
			}
		}
		if !r.killed {
			top = r.sent
		}
		for n := 1; n <= top; n++ {
			if !own[n] {
				fail("%s did not get its own number %d of %d", r.id, n, r.sent)
			}
		}
	}
}

// Two clients receive the messages that both of them receive in the same order.
func checkTotalOrder(all []*record, fail func(string, ...any)) {
	place := make([]map[message]int, len(all))
	for i, r := range all {
		place[i] = make(map[message]int)
		for at, e := range r.events {
			if e.membership == nil && e.ordered() {
				place[i][e.message] = at
			}
		}
	}
	for i, a := range all {
		for _, b := range all[:i] {
			last, before := -1, message{}
			for _, e := range b.events {
				at, both := place[i][e.message]
				if e.membership != nil || !both {
					continue
				}
				if at < last {
					fail("%s got %v before %v, %s after it", b.id, before, e.message, a.id)
					break
				}
				last, before = at, e.message
			}
		}
	}
}

// G1 of groups-protocol §12.
func checkSelfInclusion(all []*record, fail func(string, ...any)) {
	for _, r := range all {
		for _, s := range r.stretches() {
			v := s.view
			if i := slices.Index(v.Members, r.name); i < 0 || i != v.Index {
				fail("%s, which is %s, got view %v of %q with its place at %d", r.id, r.name, v.ID, v.Members, v.Index)
			}
		}
	}
}

// G2 and G3: views with one id have one list of members and, if the network caused them, one list
// of sets. No client receives one twice.
func checkSameView(all []*record, fail func(string, ...any)) {
	type key struct {
		id      spread.GroupID
		network bool
	}
	first := make(map[spread.GroupID]stretch)
	sets := make(map[key]stretch)
	for _, r := range all {
		mine := make(map[spread.GroupID]bool)
		for _, s := range r.stretches() {
			v := s.view
			if mine[v.ID] {
				fail("%s got view %v twice", r.id, v.ID)
			}
			mine[v.ID] = true
			if f, ok := first[v.ID]; !ok {
				first[v.ID] = s
			} else if !slices.Equal(f.view.Members, v.Members) {
				fail("view %v has the members %q for %s, %q for %s", v.ID, f.view.Members, f.of.id, v.Members, r.id)
			}
			k := key{v.ID, v.Cause == spread.CauseNetwork}
			if f, ok := sets[k]; !ok {
				sets[k] = s
			} else if !slices.EqualFunc(f.view.Sets, v.Sets, func(a, b spread.VSSet) bool { return slices.Equal(a.Members, b.Members) }) {
				fail("view %v has the sets %v for %s, %v for %s", v.ID, f.view.Sets, f.of.id, v.Sets, r.id)
			}
		}
	}
}

// G4: the sets of a view that the network caused contain each member once, and one set is the
// receiver's own.
func checkSets(all []*record, fail func(string, ...any)) {
	for _, r := range all {
		for _, s := range r.stretches() {
			v := s.view
			if v.Cause != spread.CauseNetwork {
				continue
			}
			var members []string
			own := 0
			for _, set := range v.Sets {
				members = append(members, set.Members...)
				if set.Own && slices.Contains(set.Members, r.name) {
					own++
				}
			}
			slices.Sort(members)
			if want := slices.Sorted(slices.Values(v.Members)); own != 1 || !slices.Equal(members, want) {
				fail("%s got view %v of %q with the sets %v", r.id, v.ID, v.Members, v.Sets)
			}
		}
	}
}

// ownSet returns the members that came to a view together with its receiver. In a view that the
// network did not cause, these are all previous members.
func ownSet(v *spread.Membership) []string {
	if v.Cause != spread.CauseNetwork {
		return slices.DeleteFunc(slices.Clone(v.Members), func(m string) bool { return m == v.Changed })
	}
	for _, s := range v.Sets {
		if s.Own {
			return s.Members
		}
	}
	return nil
}

// G5: members that move from one view to the next together received the same messages in it, and
// the transitional signal in the same place.
func checkSynchrony(all []*record, fail func(string, ...any)) {
	type way struct{ from, to spread.GroupID }
	ways := make(map[way]map[string]stretch)
	for _, r := range all {
		for _, s := range r.stretches() {
			if s.next == nil {
				continue
			}
			w := way{s.view.ID, s.next.ID}
			if ways[w] == nil {
				ways[w] = make(map[string]stretch)
			}
			ways[w][r.name] = s
		}
	}
	alive := make(map[string]map[spread.GroupID]bool) // who got which view
	for _, r := range all {
		if alive[r.name] == nil {
			alive[r.name] = make(map[spread.GroupID]bool)
		}
		for _, s := range r.stretches() {
			alive[r.name][s.view.ID] = true
		}
	}
	for w, came := range ways {
		for name, s := range came {
			for _, other := range ownSet(s.next) {
				o, ok := came[other]
				switch {
				case other == name:
				case !ok && !alive[other][w.to]: // it died before it got the view
				case !ok:
					fail("%s was informed that %s came with it from view %v to %v, which it did not", s.of.id, other, w.from, w.to)
				case !slices.Equal(s.messages, o.messages):
					fail("%s and %s came together from view %v to %v with %d and %d messages: %s", s.of.id, o.of.id, w.from, w.to,
						len(s.messages), len(o.messages), difference(s.messages, o.messages))
				case s.signal != o.signal:
					fail("%s and %s came together from view %v to %v with the signal after %d and %d messages", s.of.id, o.of.id, w.from, w.to, s.signal, o.signal)
				}
			}
		}
	}
}

func difference(a, b []message) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("%v and %v at place %d", a[i], b[i], i)
		}
	}
	return "one has more"
}

// A safe message that one member receives in a view before the transitional signal is received by
// all members of that view, except those that crash.
func checkSafe(all []*record, fail func(string, ...any)) {
	views := make(map[spread.GroupID][]stretch)
	for _, r := range all {
		for _, s := range r.stretches() {
			views[s.view.ID] = append(views[s.view.ID], s)
		}
	}
	for id, in := range views {
		for _, s := range in {
			if s.next == nil { // it crashed here, or the run ended
				continue
			}
			got := make(map[message]bool, len(s.messages))
			for _, m := range s.messages {
				got[m] = true
			}
			for _, other := range in {
				for _, m := range other.messages[:other.signal] {
					if m.service == spread.Safe && !got[m] {
						fail("%s got %v in view %v, %s did not", other.of.id, m, id, s.of.id)
					}
				}
			}
		}
	}
}

// All clients receive all messages that are sent after the last fault.
func checkSettled(all []*record, fail func(string, ...any)) {
	for _, from := range all {
		if from.settled == 0 {
			continue
		}
		for _, r := range all {
			if r.settled == 0 {
				continue
			}
			missing := make(map[int]bool)
			for n := from.settled; n <= from.sent; n++ {
				missing[n] = true
			}
			for _, e := range r.events {
				if e.membership == nil && e.from == from.id {
					delete(missing, e.n)
				}
			}
			if len(missing) > 0 {
				fail("%s did not get %d of the %d last messages of %s", r.id, len(missing), from.sent-from.settled+1, from.id)
			}
		}
	}
}
