package sim

import (
	"slices"

	"github.com/spreadd/spreadd/wire"
)

type checker struct {
	// property is named as in membership-protocol §15 and groups-protocol §12.
	property string
	// complete reports that the check needs the history of a run that came to its end.
	complete bool
	check    func(*analysis, *report)
}

// checkers are all checkers. A later one may rely on the earlier ones only so far that it does not
// crash on what they report.
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
	{"G14", false, checkEnded},
}

// analysis is a history, sorted for the checkers.
type analysis struct {
	*History
	// spans are the spans of each life, in order.
	spans map[*Life][]*span
	// byConf are the spans of each regular configuration, in the order of lives.
	byConf map[wire.MembershipID][]*span
	// confs are the regular configurations, in the order of their first installation.
	confs []wire.MembershipID
	// at is, for each life and message, the place in its stream of the first delivery, plus one.
	at map[*Life][]int
	// sent is the ring in which each message was sent as a whole; isSent reports whether it was.
	sent   []wire.MembershipID
	isSent []bool
	// begun is the place in its maker's stream where a message was begun in that ring.
	begun []int
}

// span is the part of a life in one regular configuration and in the transitional one after it.
type span struct {
	life *Life
	// conf is nil before the first configuration.
	conf *Conf
	// trans and next are the configurations that follow, or nil if the life ended before.
	trans, next *Conf
	// regular and after are the places in the stream of data and views that were delivered in the
	// regular and in the transitional configuration.
	regular, after []int
}

// clientGroup is a client as a member of a group.
type clientGroup struct {
	client *Client
	group  wire.Name
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

func (s *span) all() []int { return slices.Concat(s.regular, s.after) }

func newAnalysis(h *History) *analysis {
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
	// A ring of one sends nothing.
	if m.From.Life == s.life && s.conf != nil && len(s.conf.Daemons) == 1 && !a.isSent[m.Number] {
		a.sent[m.Number], a.isSent[m.Number], a.begun[m.Number] = s.conf.ID, true, i
	}
}

func (a *analysis) has(l *Life, m *Message) bool { return a.at[l][m.Number] > 0 }

// data returns the messages at the given places of a stream, except those that may be delivered out
// of order.
func (s *span) data(places []int) (list []*Message) {
	for _, i := range places {
		if e := &s.life.Stream[i]; e.Kind == EntryData && !e.Message.early() {
			list = append(list, e.Message)
		}
	}
	return list
}

func (l *Life) alive() bool { return l.Crashed == 0 }
