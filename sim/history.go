package sim

import (
	"fmt"

	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/wire"
)

// History is what could be observed of a run from outside: what clients asked and received, what
// daemons sent, and which configurations they entered. The checkers see nothing else.
type History struct {
	// Daemons are the lives of the daemons, in order of their beginning.
	Daemons []*Life
	// Messages are the messages that clients sent, by number.
	Messages []*Message
	// Clients are all sessions, in order of their beginning.
	Clients []*Client
	// Formed are the regular configurations that form tokens announced.
	Formed []Formed
	// Held reports that no group is ever empty (Options.Held).
	Held bool
}

// Life is one incarnation of a daemon, from its start to its crash.
type Life struct {
	Name   string // with the number of the incarnation: A1, A2
	Rank   int    // of the daemon in the configuration
	ID     wire.DaemonID
	Daemon string
	Began  clock.Time
	// Crashed is zero if the life lasted to the end.
	Crashed clock.Time
	// Stream is what the daemon did, in order.
	Stream []Entry
}

// EntryKind is the kind of an entry.
type EntryKind uint8

// The kinds.
const (
	// EntryRegular and EntryTransitional: the daemon enters Entry.Conf.
	EntryRegular EntryKind = iota
	EntryTransitional
	// EntrySent: the last packet of Entry.Message was sent, in the ring that Entry.Ring names.
	EntrySent
	// EntryStarted: the first packet of Entry.Message was sent.
	EntryStarted
	// EntryData: the daemon delivers Entry.Message to clients.
	EntryData
	// EntryView: the daemon delivers Entry.View, a membership message.
	EntryView
	// EntryEnded: the session of Entry.To ends; its name is free.
	EntryEnded
)

// Entry is one thing that a daemon did.
type Entry struct {
	At      clock.Time
	Kind    EntryKind
	Conf    *Conf
	Ring    wire.MembershipID
	In      wire.MembershipID // the configuration that it happened in
	Message *Message
	View    *View
	To      []*Client
}

// Conf is a configuration as a daemon entered it.
type Conf struct {
	ID      wire.MembershipID
	Daemons []wire.DaemonID
}

// Formed is a regular configuration that the attempt of a form token was to install.
type Formed struct {
	At          clock.Time
	ID, Attempt wire.MembershipID
}

// Message is a message that a client has sent.
type Message struct {
	Number  int
	Type    wire.Type // service, and SelfDiscard
	From    *Client
	Groups  []wire.Name // without those of the watchers, which see all messages
	Size    int         // of the payload
	Asked   clock.Time  // when the client sent it
	Taken   clock.Time  // when its daemon took it, or zero
	started int         // in how many rings its first packet was sent
	payload []byte
}

// String returns the number and the service.
func (m *Message) String() string { return fmt.Sprintf("m%d(%v)", m.Number, m.Type) }

// early reports whether the message may be delivered ahead of its place, as reliable ones are
// (ring-protocol §17.3). Longer ones are not, but which those are depends on how they are packed.
func (m *Message) early() bool { return m.Type&(wire.Unreliable|wire.Reliable) != 0 }

// View is a membership message.
type View struct {
	Type    wire.Type
	Group   wire.Name
	ID      wire.GroupID
	Members []wire.Name
	// Sets are the sets of a regular view. Own is the index of the receivers' own set.
	Sets [][]wire.Name
	Own  int
}

// regular reports whether this is a view, rather than a signal or the end of the receiver's
// membership.
func (v *View) regular() bool { return v.Type&wire.RegularMembership != 0 }

func (v *View) network() bool { return v.regular() && v.Type&wire.CausedByNetwork != 0 }

func (v *View) signal() bool { return v.Type&wire.Transitional != 0 }

// Client is one session.
type Client struct {
	Life    *Life
	Private wire.Name
	// Memberships reports that the client gets membership messages.
	Memberships bool
	// Watcher reports that every message is addressed to the client, so that it sees everything its
	// daemon delivers.
	Watcher bool
	Began   clock.Time
	// Gone is when the client's connection ended, Ended when its daemon reported it. Zero means
	// never.
	Gone, Ended clock.Time
}

// String returns the private group.
func (c *Client) String() string { return c.Private.String() }

// Violation is a property that a run has violated.
type Violation struct {
	// Property is named as in the specifications: M6, G5.
	Property string
	// At is when the violation became visible.
	At   clock.Time
	Text string
}

// String returns the violation in one line.
func (v Violation) String() string { return fmt.Sprintf("%v %s: %s", stamp(v.At), v.Property, v.Text) }

// report collects what a checker finds, up to a limit.
type report struct {
	property string
	found    []Violation
}

// maxFindings limits the violations of a property that are kept: one would do, a few show the
// pattern.
const maxFindings = 5

func (r *report) add(at clock.Time, format string, args ...any) {
	r.addAs(r.property, at, format, args...)
}

// addAs is for checkers of several properties.
func (r *report) addAs(property string, at clock.Time, format string, args ...any) {
	if len(r.found) < maxFindings {
		r.found = append(r.found, Violation{property, at, fmt.Sprintf(format, args...)})
	}
}
