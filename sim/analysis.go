package sim

import (
	"slices"

	"github.com/spreadd/spreadd/wire"
)

// checker looks at a history for one kind of property.
type checker struct {
	// property names it as in membership-protocol §15 and groups-protocol §12.
	property string
	// complete: the history has to be of a run that came to its end.
	complete bool
	check    func(*analysis, *report)
}

// checkers are all of them. Those behind can rely on what those before have
// found in order only as far as they must not fail for it.
var checkers = []checker{
	{"C1-C6", false, checkConfigurations},
	{"M2", false, checkDuplicates},
	{"M3", false, checkSendingConfiguration},
	{"M4", true, checkSelfDelivery},
	{"M5", false, checkSynchrony},
	{"M6", false, checkOrder},
	{"M7", false, checkPrefix},
	{"M8", false, checkCausality},
	{"FIFO", false, checkFIFO},
	{"M9-M10", true, checkSafe},
	{"M12", true, checkArrival},
	{"G1-G4", false, checkViews},
	{"G5", false, checkGroupSynchrony},
	{"G7", false, checkReceivers},
	{"G8", false, checkSignals},
	{"G10", true, checkTables},
}

// analysis is a history, sorted by what checkers need.
type analysis struct {
	*History
	// spans of each life, in its order.
	spans map[*Life][]*span
	// byConf has the spans of a regular configuration, by the order of lives.
	byConf map[wire.MembershipID][]*span
	confs  []wire.MembershipID // by their first installation
	// at has, for each life and message, one more than the place in its stream
	// where it was delivered first.
	at map[*Life][]int
	// sent has the ring in which each message was sent as a whole, if it was.
	sent   []wire.MembershipID
	isSent []bool
	// begun is where in the stream of its maker a message was begun in that ring.
	begun []int
}

// span is the time of a life in one regular configuration and in the
// transitional one behind it.
type span struct {
	life        *Life
	conf        *Conf // nil before the first
	trans, next *Conf // nil if it did not come to that
	// regular and after are places in the stream, of data and views that were
	// delivered in the regular and in the transitional configuration.
	regular, after []int
}

// all is what was delivered.
func (s *span) all() []int { return slices.Concat(s.regular, s.after) }

func analyse(h *History) *analysis {
	a := &analysis{
		History: h, spans: make(map[*Life][]*span), byConf: make(map[wire.MembershipID][]*span), at: make(map[*Life][]int),
		sent: make([]wire.MembershipID, len(h.Messages)), isSent: make([]bool, len(h.Messages)), begun: make([]int, len(h.Messages)),
	}
	for _, l := range h.Daemons {
		a.cut(l)
	}
	for _, l := range h.Daemons {
		for _, s := range a.spans[l] {
			if s.conf == nil {
				continue
			}
			if a.byConf[s.conf.ID] == nil {
				a.confs = append(a.confs, s.conf.ID)
			}
			a.byConf[s.conf.ID] = append(a.byConf[s.conf.ID], s)
		}
	}
	return a
}

// cut cuts the stream of a life into spans.
func (a *analysis) cut(l *Life) {
	s := &span{life: l}
	list := []*span{s}
	at := make([]int, len(a.Messages))
	for i := range l.Stream {
		e := &l.Stream[i]
		switch e.Kind {
		case EntryTransitional:
			s.trans = e.Conf
		case EntryRegular:
			s.next = e.Conf
			s = &span{life: l, conf: e.Conf}
			list = append(list, s)
		case EntryData, EntryView:
			if s.trans == nil {
				s.regular = append(s.regular, i)
			} else {
				s.after = append(s.after, i)
			}
			if e.Kind == EntryData {
				a.deliveredAt(e, i, s, at)
			}
		case EntryStarted:
			a.begun[e.Message.Number] = i
		case EntrySent:
			a.sent[e.Message.Number], a.isSent[e.Message.Number] = e.Ring, true
		case EntryEnded:
		}
	}
	a.spans[l] = list
	a.at[l] = at
}

func (a *analysis) deliveredAt(e *Entry, i int, s *span, at []int) {
	m := e.Message
	if at[m.Number] == 0 {
		at[m.Number] = i + 1
	}
	// A ring of one puts nothing on the wire.
	if m.From.Life == s.life && s.conf != nil && len(s.conf.Daemons) == 1 && !a.isSent[m.Number] {
		a.sent[m.Number], a.isSent[m.Number], a.begun[m.Number] = s.conf.ID, true, i
	}
}

// has reports whether a life has delivered a message.
func (a *analysis) has(l *Life, m *Message) bool { return a.at[l][m.Number] > 0 }

// data returns the messages at some places of a stream, but for those that need not
// be in their place.
func (s *span) data(places []int) (list []*Message) {
	for _, i := range places {
		if e := &s.life.Stream[i]; e.Kind == EntryData && !e.Message.early() {
			list = append(list, e.Message)
		}
	}
	return list
}

// alive reports whether a life came to the end of the run.
func (l *Life) alive() bool { return l.Crashed == 0 }
