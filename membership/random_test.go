package membership

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/wire"
)

var seeds = flag.Int("seeds", 60, "number of random schedules")

// rare counts situations that the schedules together must meet.
type rare map[string]int

// TestRandom runs networks with random faults (safety: nothing wrong may happen), then heals them
// and waits for one ring of all (liveness).
func TestRandom(t *testing.T) {
	met := rare{}
	for seed := range *seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			newSchedule(t, uint64(seed), met).run()
		})
	}
	if *seeds < 60 {
		return
	}
	for _, what := range []string{
		"bound to absent daemons", "recovery broken", "installed while others had not", "holes", "merge of rings",
		"restart within a ring", "form timeout", "transitional set smaller than the old ring", "packet relayed", "REFER",
		"token lost while gathering", "rank below its leader", "late copy",
	} {
		if met[what] == 0 {
			t.Errorf("no schedule has met: %s", what)
		}
	}
}

// schedule is one run.
type schedule struct {
	*network
	t   *testing.T
	rnd *rand.Rand
	met rare

	// These options are drawn from the seed.
	names []string
	loss  float64       // of datagrams
	late  time.Duration // how late a datagram may be
	pace  time.Duration // between faults

	faulty bool
	downAt map[string]clock.Time

	regular      map[wire.MembershipID]string // members by id
	transitional map[wire.MembershipID]string
	history      map[string][]passage // by incarnation
	log          []string
	// report takes a finding and does not return.
	report func(string)
}

// passage is the way of one daemon from one regular configuration to the next.
type passage struct {
	from, to     wire.MembershipID
	transitional []wire.DaemonID
}

func newSchedule(t *testing.T, seed uint64, met rare) *schedule {
	s := &schedule{t: t, rnd: rand.New(rand.NewPCG(seed, 2)), met: met, downAt: map[string]clock.Time{}}
	s.report = func(text string) { t.Fatal(text) }
	s.regular, s.transitional, s.history = map[wire.MembershipID]string{}, map[wire.MembershipID]string{}, map[string][]passage{}
	daemons := 2 + s.rnd.IntN(6)
	all := "ABCDEFGH"[:daemons]
	for len(all) > 0 {
		n := 1 + s.rnd.IntN(len(all))
		if len(s.names) == 0 && s.rnd.IntN(2) == 0 {
			n = len(all)
		}
		s.names, all = append(s.names, all[:n]), all[n:]
	}
	s.loss = s.rnd.Float64() * 0.2
	s.late = time.Duration(s.rnd.IntN(40)) * time.Millisecond
	s.pace = time.Duration(500+s.rnd.IntN(4000)) * time.Millisecond
	s.network = newNetwork(t, s.names...)
	s.network.early = seed%2 == 0
	s.network.refuse = seed%4 == 0
	s.network.log = s.note
	s.jitter = func() time.Duration { return time.Duration(s.rnd.Int64N(int64(s.late + 1))) }
	s.checks = append(s.checks, s.check)
	s.reasons = s.judge
	s.lost = s.chance
	s.committing = s.checkPackets
	return s
}

func (s *schedule) note(kind logKind, format string, args ...any) {
	line := fmt.Sprintf("%8.3f ", s.now.Sub(origin).Seconds()) + fmt.Sprintf(format, args...)
	s.log = append(s.log, line)
	for text, what := range map[string]string{
		" bound to ": "bound to absent daemons", "EVS -> SEG": "recovery broken", " holes ": "holes", "FORM -> SEG": "form timeout",
		" 2 times": "packet relayed", " REFER ": "REFER",
	} {
		if strings.Contains(line, text) {
			s.met[what]++
		}
	}
	if kind == logTransition && strings.Contains(line, "GATHER -> SEG") {
		s.met["token lost while gathering"]++
	}
}

// fail ends the run with what led to it.
func (s *schedule) fail(format string, args ...any) {
	tail := s.log[max(0, len(s.log)-400):]
	s.report(fmt.Sprintf("segments %v, loss %.2f, late %v, pace %v\n%s\n%s", s.names, s.loss, s.late, s.pace,
		strings.Join(tail, "\n"), fmt.Sprintf(format, args...)))
}

func (s *schedule) run() {
	never := func() bool { return false }
	s.faulty = true
	for _, o := range s.nodes {
		if s.rnd.IntN(4) > 0 {
			o.start()
		}
	}
	end := s.now.Add(90 * time.Second)
	for s.now < end {
		s.network.run(s.now.Add(time.Duration(s.rnd.Int64N(int64(s.pace)))), never)
		s.fault()
	}
	s.checkHistory()

	// Liveness.
	s.faulty = false
	s.rules = nil
	clear(s.side)
	s.queue = slices.DeleteFunc(s.queue, func(d delivery) bool { return d.at > s.now.Add(s.late+latency) })
	s.note(logDrop, "all is well from now on")
	for _, o := range s.nodes {
		if !o.up {
			s.network.run(max(s.now, s.downAt[o.name].Add(4*time.Second)), never)
			o.start()
		}
	}
	w := s.nodes[0].m.cfg.Timeouts
	bound := 4 * (w.Lookup + w.Token + w.Rep + w.Seg + 2*w.Gather + w.Form)
	// If there are several segments, a JOIN of a member that is still on its way when the ring is
	// installed ends the ring. So the ring must last longer than any datagram takes.
	for {
		if !s.network.run(s.now.Add(bound), s.oneRing) {
			s.fail("no ring of all after %v", bound)
		}
		first := s.nodes[0].m.installedID
		s.network.run(s.now.Add(s.late+2*latency), never)
		if s.oneRing() && s.nodes[0].m.installedID == first {
			break
		}
	}
	s.checkHistory()
	// C8: no needless change, while the leader repeatedly looks for others.
	quiet := len(s.log)
	s.network.run(s.now.Add(2*w.Lookup), never)
	for _, line := range s.log[quiet:] {
		if strings.Contains(line, " -> SEG") || strings.Contains(line, "FORM1") {
			s.fail("the ring was given up without need: %s", line)
		}
	}
}

// fault makes a fault in the network.
func (s *schedule) fault() {
	o := s.nodes[s.rnd.IntN(len(s.nodes))]
	switch s.rnd.IntN(9) {
	case 0, 1:
		if o.up {
			s.note(logDrop, "%s crashes", o.name)
			o.up = false
			s.downAt[o.name] = s.now
		}
	case 2, 3:
		// Ids are unique only by the second, so do not restart sooner.
		if !o.up && (s.downAt[o.name] == 0 || s.now.Sub(s.downAt[o.name]) > time.Second) {
			for _, p := range s.nodes {
				if p.up && p.m.State() == StateOp && p.m.Members().Contains(o.id) {
					s.met["restart within a ring"]++
				}
			}
			s.note(logDrop, "%s starts", o.name)
			o.start()
		}
	case 4:
		for i := range s.side {
			s.side[i] = s.rnd.IntN(2)
		}
		s.note(logDrop, "partition %v", s.side)
	case 5:
		clear(s.side)
		s.note(logDrop, "heal")
	case 6:
		to := s.nodes[s.rnd.IntN(len(s.nodes))]
		kind := []string{"FORM1", "FORM2", "ALIVE", "JOIN", "TOKEN", "any"}[s.rnd.IntN(6)]
		s.rules = []*dropRule{{kind: kind, from: o.name, to: to.name, left: 1 + s.rnd.IntN(200)}}
		s.note(logDrop, "from now on %d %s from %s to %s are lost", s.rules[0].left, kind, o.name, to.name)
	case 7:
		if o.up && o.m.TokenAlive() {
			s.note(logDrop, "%s gives its ring up", o.name)
			o.recovering, o.lossAt = false, 0
			o.m.HandleTokenLost(s.now, s.wall(), CauseForced, &o.out)
			o.effects()
		}
	case 8:
		if o.up {
			o.data()
		}
	}
	s.packets(o)
	if p := s.nodes[s.rnd.IntN(len(s.nodes))]; p.up && s.rnd.IntN(3) == 0 {
		p.data()
	}
}

// chance loses, delays or duplicates a datagram.
func (s *schedule) chance(d delivery) bool {
	if !s.faulty {
		return false
	}
	if s.rnd.IntN(500) == 0 {
		d.at = s.now.Add(time.Duration(s.rnd.IntN(4000)) * time.Millisecond)
		s.queue = append(s.queue, d)
		s.met["late copy"]++
	}
	return s.rnd.Float64() < s.loss
}

// packets lets the ring of a daemon progress: a daemon sends, some miss the packet, some get what
// they missed, and some learn that all have it.
func (s *schedule) packets(o *node) {
	id, members, ok := o.active()
	if !ok || o.recovering {
		return
	}
	ring, whole := s.whole(id, members)
	if !whole || slices.ContainsFunc(ring, func(r *node) bool { return r.recovering }) {
		return
	}
	high := int32(0)
	for _, r := range ring {
		high = max(high, r.ring.highest)
	}
	sent := high + int32(s.rnd.IntN(5))
	for _, r := range ring {
		known := int32(s.rnd.IntN(int(sent - r.ring.highest + 1)))
		if r == o {
			known = sent - r.ring.highest
		}
		for range known {
			r.ring.highest++
			if (r != o || r.ring.highest <= high) && s.rnd.IntN(3) == 0 {
				r.ring.missing = append(r.ring.missing, r.ring.highest)
			}
		}
		r.ring.missing = slices.DeleteFunc(r.ring.missing, func(seq int32) bool {
			held := slices.ContainsFunc(ring, func(q *node) bool { return q.ring.Has(seq) })
			return held && s.rnd.IntN(3) == 0
		})
	}
	all := sent
	for _, r := range ring {
		all = min(all, r.ring.MyAru())
	}
	for _, r := range ring {
		if s.rnd.IntN(2) == 0 {
			r.ring.aru, r.ring.discarded = all, all
		}
	}
}

// oneRing reports whether all daemons are in one ring of all.
func (s *schedule) oneRing() bool {
	first := s.nodes[0].m
	for _, o := range s.nodes {
		if o.m.State() != StateOp || o.m.installedID != first.installedID || o.m.Members().Len() != len(s.nodes) {
			return false
		}
	}
	return true
}

// judge checks that what machines send is never refused for its form, and that honest daemons never
// contradict each other.
func (s *schedule) judge(to *node, token bool, b []byte, v Reason) {
	switch v {
	case BadType, Malformed, OwnInput, UnknownDaemon, OtherSegment, NotTheSender, NamedTwice, OutOfOrder,
		BadSeq, BadTime, BadTransitional, Contradiction, TooMany:
		s.fail("%s refuses as %v: %s", to.name, v, s.d().datagram(token, b))
	default:
	}
}

// check looks at each installation of a daemon (membership-protocol §15).
func (s *schedule) check(o *node) {
	if !o.installed {
		return
	}
	o.installed = false
	in := o.m.Installation()
	d := s.d()
	// C1 Self-inclusion.
	if !slices.Contains(in.Regular, o.id) || !slices.Contains(in.Transitional, o.id) {
		s.fail("C1: %s is not in what it installs", o.name)
	}
	// C2 Same id, same set.
	for _, c := range []struct {
		seen    map[wire.MembershipID]string
		id      wire.MembershipID
		members []wire.DaemonID
	}{{s.regular, in.RegularID, in.Regular}, {s.transitional, in.TransitionalID, in.Transitional}} {
		set := d.names(c.members)
		if old, ok := c.seen[c.id]; ok && old != set {
			s.fail("C2: %s is %s and %s", d.id(c.id), old, set)
		}
		c.seen[c.id] = set
	}
	key := fmt.Sprintf("%s%d", o.name, o.steps)
	from := wire.MembershipID{Daemon: o.id, Time: -1}
	old := d.names([]wire.DaemonID{o.id})
	if h := s.history[key]; len(h) > 0 {
		from = h[len(h)-1].to
		old = s.regular[from]
	}
	// C3 Ids unique, and growing.
	for _, p := range s.history[key] {
		if p.to == in.RegularID || p.to.Daemon == in.RegularID.Daemon && p.to.Time >= in.RegularID.Time {
			s.fail("C3: %s installs %s after %s", o.name, d.id(in.RegularID), d.id(p.to))
		}
	}
	// C4 Shape: the transitional set is of the old ring and the new.
	for _, id := range in.Transitional {
		if !strings.Contains(old, d.name(id)) || !slices.Contains(in.Regular, id) {
			s.fail("C4: %s goes with %s from %s to %s", o.name, d.names(in.Transitional), old, d.names(in.Regular))
		}
	}
	if len(d.names(in.Transitional)) < len(old) {
		s.met["transitional set smaller than the old ring"]++
	}
	if len(in.Transitional) < len(in.Regular) && len(in.Transitional) > 1 {
		s.met["merge of rings"]++
	}
	if in.RegularID.Daemon != in.TransitionalID.Daemon {
		s.met["rank below its leader"]++
	}
	s.history[key] = append(s.history[key], passage{from, in.RegularID, slices.Clone(in.Transitional)})
	for _, p := range s.nodes {
		if p.up && p.recovering && p.rec.Future == in.RegularID {
			s.met["installed while others had not"]++
		}
	}
}

// checkHistory compares the histories of the daemons.
func (s *schedule) checkHistory() {
	d := s.d()
	for p, hp := range s.history { //house:ordered any of them will do
		for q, hq := range s.history {
			for _, a := range hp {
				for _, b := range hq {
					if a.from != b.from || a.from.Time < 0 {
						continue
					}
					idp, idq := s.node(p[:1]).id, s.node(q[:1]).id
					// C5 Transitional agreement.
					if a.to == b.to && !slices.Equal(a.transitional, b.transitional) {
						s.fail("C5: from %s to %s go %s with %s and %s with %s", d.id(a.from), d.id(a.to),
							p, d.names(a.transitional), q, d.names(b.transitional))
					}
					// C6 Those left behind.
					if a.to != b.to && slices.Contains(a.transitional, idq) && slices.Contains(b.transitional, idp) {
						s.fail("C6: %s and %s take each other along from %s, to %s and %s", p, q, d.id(a.from), d.id(a.to), d.id(b.to))
					}
				}
			}
		}
	}
}

// checkPackets checks S6: a daemon that comes along holds every packet that is not a hole.
func (s *schedule) checkPackets(ring []*node) {
	for _, o := range ring {
		if !o.recovering {
			continue
		}
		for seq := o.rec.Aru + 1; seq <= o.rec.Highest; seq++ {
			held := slices.ContainsFunc(o.rec.Transitional, func(id wire.DaemonID) bool {
				return s.nodes[s.top.Rank(id)].ring.Has(seq)
			})
			if hole := slices.Contains(o.rec.Holes, seq); held == hole {
				s.fail("S6: %s has %d as a hole: %v, and it is held: %v", o.name, seq, hole, held)
			}
		}
		if o.ring.MyAru() < o.rec.Aru && len(o.ring.missing) > 0 && o.ring.missing[0] <= o.rec.Aru {
			s.fail("S1: %s lacks %v, and all have up to %d", o.name, o.ring.missing, o.rec.Aru)
		}
	}
}

// The checks detect faults: each is shown one.
func TestChecksBite(t *testing.T) {
	type finding string
	member := func(s *schedule, name string) *node { return s.node(name) }
	for _, tt := range []struct {
		want  string
		plant func(s *schedule)
	}{
		{"C1", func(s *schedule) { member(s, "B").m.future.Regular = []wire.DaemonID{s.node("A").id} }},
		{"C2", func(s *schedule) { s.regular[s.node("B").m.future.RegularID] = "[A]" }},
		{"C3", func(s *schedule) {
			h := s.history["B1"]
			h[len(h)-1].to = s.node("B").m.future.RegularID
			s.regular[h[len(h)-1].to] = "[A B C]"
		}},
		{"C4", func(s *schedule) { s.regular[s.history["B1"][0].to] = "[B C]" }},
		{"C5", func(s *schedule) {
			a, id := s.history["A1"], s.node("B").m.future
			s.history["A1"] = append(a, passage{a[0].to, id.RegularID, id.Transitional[1:]})
			s.node("B").installed = true
			s.check(s.node("B"))
			s.checkHistory()
		}},
		{"C6", func(s *schedule) {
			a, in := s.history["A1"], s.node("B").m.future
			s.history["A1"] = append(a, passage{a[0].to, wire.MembershipID{Daemon: 1, Time: 7}, in.Transitional})
			s.check(s.node("B"))
			s.checkHistory()
		}},
		{"S6", func(s *schedule) {
			for _, o := range s.nodes {
				o.recovering, o.rec.Highest, o.ring.highest, o.ring.missing = true, 3, 3, []int32{2}
			}
			s.checkPackets(s.nodes)
		}},
		{"refuses as malformed", func(s *schedule) { s.judge(s.nodes[0], true, nil, Malformed) }},
	} {
		s := newSchedule(t, 1, rare{})
		s.names = []string{"ABC"}
		n := newNetwork(t, s.names...)
		n.checks, n.log = s.network.checks, s.network.log
		s.network = n
		for _, o := range n.nodes {
			o.start()
		}
		n.run(n.now.Add(3*time.Second), func() bool { return false })
		// All have installed one ring. B installs another.
		b := n.node("B")
		b.m.future.RegularID.Time += 5
		b.m.future.TransitionalID.Time += 5
		b.m.future.Transitional = slices.Clone(b.m.future.Regular)
		b.installed = true
		s.report = func(text string) { panic(finding(text)) }
		func() {
			defer func() {
				got, ok := recover().(finding)
				if last := got[strings.LastIndex(string(got), "\n")+1:]; !ok || !strings.Contains(string(last), tt.want) {
					t.Errorf("%s: %q was found", tt.want, last)
				}
			}()
			tt.plant(s)
			s.check(b)
		}()
	}
}

// Check detects each contradiction that it is for.
func TestCheckBites(t *testing.T) {
	for _, tt := range []struct {
		state string
		spoil func(*bench)
		want  string
	}{
		{"OP", func(b *bench) { b.Machine.alive = false }, "wrong state"},
		{"GATHER of a ring", func(b *bench) { b.Machine.installed = b.top.Ring(b.ids("B")) }, "without leading"},
		{"OP", func(b *bench) { b.Machine.members = b.top.Ring(b.ids("A")) }, "not in its own ring"},
		{"OP", func(b *bench) { b.Machine.members = b.top.Ring(b.ids("B")) }, "other members"},
		{"SEG", func(b *bench) { b.Machine.members = b.top.Ring(b.ids("AB")) }, "members are left"},
		{"SEG", func(b *bench) { b.Machine.heard = nil }, "hear itself"},
		{"GATHER", func(b *bench) { b.Machine.heard = b.ids("BD") }, "another segment"},
		{"GATHER", func(b *bench) { b.Machine.reps = b.Machine.reps[:0] }, "first representative"},
		{"OP", func(b *bench) { b.Machine.potential = make(repList, 26) }, "too long"},
		{"OP", func(b *bench) { b.Machine.potential = repList{{Daemon: b.cfg.Self}} }, "ask itself"},
		{"SEG", func(b *bench) { b.Machine.numTrans = 0 }, "not in its transitional set"},
		{"OP", func(b *bench) { b.Machine.commit = b.ids("BA") }, "outlived"},
		{"SEG", func(b *bench) { b.Machine.commit = b.ids("BA") }, "outside the old ring"},
		{"SEG", func(b *bench) { b.Machine.deadlines[timerSeg] = 0 }, "timer"},
		{"EVS", func(b *bench) { b.Machine.deadlines[timerForm] = 5 }, "timer"},
	} {
		for _, s := range tableStates {
			if s.name != tt.state {
				continue
			}
			b := s.make(t)
			tt.spoil(b)
			if err := b.Check(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %v, want %q", tt.state, err, tt.want)
			}
		}
	}
}
