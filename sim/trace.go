package sim

import (
	"fmt"
	"strings"
	"time"

	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

type trace struct{ lines []string }

func stamp(t clock.Time) string {
	return fmt.Sprintf("%10.6f", time.Duration(t).Seconds())
}

func (w *world) tracef(format string, args ...any) {
	if w.trace != nil {
		w.trace.lines = append(w.trace.lines, stamp(w.now)+" "+fmt.Sprintf(format, args...))
	}
}

// fates collects the fates of the copies of a datagram. A nil value collects nothing.
type fates struct {
	w *world
	b strings.Builder
}

func (t *trace) begin(w *world, from *host, to topology.Target, b []byte) *fates {
	f := &fates{w: w}
	target := "segment " + fmt.Sprint(to.Segment)
	if to.Daemon != 0 {
		target = w.name(to.Daemon)
	}
	fmt.Fprintf(&f.b, "%s > %s: %s:", from.d.Name, target, w.describe(to.Token, b))
	return f
}

func (f *fates) add(to *host, what string) {
	if f != nil {
		fmt.Fprintf(&f.b, " %s %s", to.d.Name, what)
	}
}

func (f *fates) addDelay(to *host, d time.Duration) {
	if f != nil {
		fmt.Fprintf(&f.b, " %s +%v", to.d.Name, d.Round(time.Microsecond))
	}
}

func (f *fates) end() { f.w.tracef("%s", f.b.String()) }

func (w *world) name(id wire.DaemonID) string {
	if h := w.byID[id]; h != nil {
		return h.d.Name
	}
	return "-"
}

func (w *world) names(ids []wire.DaemonID) string {
	var b strings.Builder
	for _, id := range ids {
		b.WriteString(w.name(id))
	}
	return b.String()
}

// ringName returns a membership id as its daemon and the time since the start.
func (w *world) ringName(id wire.MembershipID) string {
	return fmt.Sprintf("%s@%d", w.name(id.Daemon), id.Time-startWall)
}

func (w *world) describe(token bool, b []byte) string {
	if token {
		return w.describeToken(b)
	}
	var p wire.Packet
	if err := p.Decode(b); err != nil {
		return err.Error()
	}
	switch p.Type.Kind() {
	case wire.KindData:
		return w.describeData(&p)
	case wire.KindHurry:
		return "hurry"
	case wire.KindMembership:
		return w.describeGather(&p)
	case wire.KindControl, wire.KindUnknown:
	}
	return fmt.Sprintf("type %x", uint32(p.Type))
}

func (w *world) describeData(p *wire.Packet) string {
	var b strings.Builder
	fmt.Fprintf(&b, "data %s #%d by %s", w.ringName(p.Membership), p.Seq, w.name(p.Proc))
	if p.Type&wire.PacketRouted != 0 {
		b.WriteString(" routed")
	}
	if p.Transmitter != p.Proc {
		b.WriteString(" again")
	}
	for _, s := range [...]struct {
		bit  wire.RingType
		name string
	}{{wire.PacketReliable, "reliable"}, {wire.PacketFIFO, "fifo"}, {wire.PacketAgreed, "agreed"}, {wire.PacketSafe, "safe"}} {
		if p.Type&s.bit != 0 {
			b.WriteString(" " + s.name)
		}
	}
	f := p.Fragments()
	for frag, ok := f.Next(); ok; frag, ok = f.Next() {
		b.WriteString(" ")
		switch {
		case frag.Index > 1 || frag.Index < -1:
			fmt.Fprintf(&b, "part %d", frag.Index)
			continue
		case frag.Index == 1:
			b.WriteString("part 1 of ")
		}
		if m := w.messageOf(frag.Data); m != nil {
			b.WriteString(m.String())
		} else {
			var h wire.Header
			if h.Decode(frag.Data) == nil {
				fmt.Fprintf(&b, "%v of %v", h.Type, h.Sender)
			}
		}
	}
	return b.String()
}

func (w *world) describeGather(p *wire.Packet) string {
	switch {
	case p.Type&wire.PacketRefer != 0:
		id, kind := p.Refer()
		return fmt.Sprintf("REFER to %s, kind %d", w.name(id), kind)
	case p.Type&wire.PacketAlive != 0:
		return "ALIVE"
	}
	var g wire.Gather
	if err := g.Decode(p); err != nil {
		return "JOIN: " + err.Error()
	}
	var b strings.Builder
	b.WriteString("JOIN heard ")
	for _, id := range g.Members.All() {
		b.WriteString(w.name(id))
	}
	b.WriteString(" reps")
	for _, r := range g.Reps.All() {
		fmt.Fprintf(&b, " %s/%d", w.name(r.Daemon), r.Kind)
	}
	return b.String()
}

func (w *world) describeToken(raw []byte) string {
	var t wire.Token
	if err := t.Decode(raw); err != nil {
		return err.Error()
	}
	var b strings.Builder
	if t.Type&wire.TokenForms == 0 {
		fmt.Fprintf(&b, "token %s round %d.%d seq %d aru %d (%s) fc %d", w.ringName(t.Membership), t.Type.ARQ(), t.Type.Retrans(), t.Seq, t.Aru, w.name(t.AruLast), t.FlowControl)
		it := t.Requests()
		for q, ok := it.Next(); ok; q, ok = it.Next() {
			fmt.Fprintf(&b, ", %s/%d asks in %s for", w.name(q.Proc), q.Segment, w.ringName(q.Membership))
			for i := range q.NumSeqs() {
				fmt.Fprintf(&b, " %d", q.Seq(i))
			}
		}
		return b.String()
	}
	var f wire.Form
	if err := f.Decode(&t); err != nil {
		return err.Error()
	}
	v := f.Value()
	kind := "FORM1"
	if t.Type&wire.TokenForm2 != 0 {
		kind = "FORM2 for " + w.ringName(v.ID)
	}
	fmt.Fprintf(&b, "%s of %s mark %d members %s pending %s", kind, w.ringName(t.Membership), t.Seq, w.names(v.Members), w.names(v.Pending))
	for i, r := range v.Reps {
		if i == 0 {
			b.WriteString(" reps")
		}
		fmt.Fprintf(&b, " %s/%d", w.name(r.Daemon), r.Kind)
	}
	for _, r := range v.Rings {
		fmt.Fprintf(&b, " [%s t%d aru %d high %d holes %v going %s commit %s]", w.ringName(r.Membership), r.TransTime, r.Aru, r.HighestSeq, r.Holes, w.names(r.Commit[:r.NumTrans]), w.names(r.Commit))
	}
	return b.String()
}

func (h *host) traceEntry(e *Entry) {
	if h.w.trace == nil {
		return
	}
	switch e.Kind {
	case EntryRegular:
		h.w.tracef("%s installs %s of %s", h.life.Name, h.w.ringName(e.Conf.ID), h.w.names(e.Conf.Daemons))
	case EntryTransitional:
		h.w.tracef("%s leaves with %s, transitional %s", h.life.Name, h.w.names(e.Conf.Daemons), h.w.ringName(e.Conf.ID))
	case EntryData:
		h.w.tracef("%s delivers %v to %v", h.life.Name, e.Message, e.To)
	case EntryView:
		h.w.tracef("%s delivers %v to %v", h.life.Name, e.View, e.To)
	case EntrySent, EntryStarted, EntryEnded:
	}
}

// Idle reports whether a line of a timeline comes from a ring where nothing happens.
func Idle(line string) bool {
	return strings.Contains(line, ": token ") && !strings.Contains(line, " asks ") ||
		strings.Contains(line, ": ALIVE") || strings.Contains(line, ": JOIN") || strings.Contains(line, ": hurry")
}
