package spread

import (
	"slices"
	"time"

	"github.com/spreadd/spreadd/wire"
)

// Event is what Receive returns. A [Conn] returns [*Message], [*Membership], [*Rejected],
// [*Notice] and [*Unknown]. A [Client] also returns [*Connected], [*Joined], [*Slow], [*Disconnected] and
// [*ConnectFailed].
type Event interface{ event() }

// Message is a message from another connection, or from this one.
type Message struct {
	// Service is the service that the sender asked for, without SelfDiscard.
	Service Service
	// SelfDiscard is true if the sender did not want to receive the message itself.
	SelfDiscard bool
	// Sender is the private group of the sender.
	Sender string
	// Groups are all groups that the sender addressed, in its order. Messages of one connection
	// share such slices, so do not write to it.
	Groups []string
	// Type is the application's number.
	Type int16
	// EndianMismatch is true if the sender marked its payload as that of a big-endian machine. This
	// library marks its own payloads as little-endian on every machine.
	EndianMismatch bool
	// Payload is the payload as it was sent.
	Payload []byte
}

// Clone returns a copy that shares no memory with m. [Conn.Receive] explains when that saves
// memory.
func (m *Message) Clone() *Message {
	c := *m
	c.Groups = slices.Clone(m.Groups)
	c.Payload = slices.Clone(m.Payload)
	return &c
}

//go:generate go tool -modfile=../.ci/tools/go.mod stringer -type=Cause -linecomment
//go:generate go tool -modfile=../.ci/tools/go.mod stringer -type=Request -linecomment

// Cause is why a membership message was sent.
type Cause uint8

// The causes.
const (
	// CauseJoin: the member Changed has joined.
	CauseJoin Cause = 1 + iota // join
	// CauseLeave: the member Changed has left.
	CauseLeave // leave
	// CauseDisconnect: the connection of the member Changed has ended.
	CauseDisconnect // disconnect
	// CauseNetwork: daemons appeared or disappeared. Sets show which members came together.
	CauseNetwork // network
	// Transitional: the view ID ends. Until the next regular membership, the guarantees hold only
	// among the members that stay together with this one (client-protocol §11).
	Transitional // transitional
	// SelfLeave: this connection has left the group.
	SelfLeave // self-leave
)

// GroupID identifies a view of a group. It is only useful for comparison.
type GroupID struct {
	Daemon uint32 // ID of the daemon that leads the daemons' membership
	Time   uint32 // when it was formed, in seconds since 1970
	Index  uint32 // number of the group's changes in that membership
}

// String prints three signed numbers, as Spread's programs do.
func (g GroupID) String() string { return wire.GroupID(g).String() }

// VSSet is a virtual synchrony set: members that came to the new view together from the same
// previous view, in which they received the same messages.
type VSSet struct {
	Own     bool // this connection is in it
	Members []string
}

// Membership reports a change in a group of which this connection is a member. It is sent only with
// [WithMembership].
type Membership struct {
	Group string
	Cause Cause
	// ID identifies the view, with Transitional the one that ends. It is zero with SelfLeave.
	ID GroupID
	// Members are all members of the view, in the same order for all of them. It is empty with
	// Transitional and SelfLeave.
	Members []string
	// Index is the position of this connection in Members, or -1.
	Index int
	// Changed is the member that joined, left or was disconnected. It is empty for other causes.
	Changed string
	// Sets are the virtual synchrony sets. With CauseNetwork they hold each member once. With join,
	// leave and disconnect there is one, with only the changed member.
	Sets []VSSet
}

// Regular reports whether the message announces a new view of the group, rather than the end of
// one.
func (m *Membership) Regular() bool { return m.Cause >= CauseJoin && m.Cause <= CauseNetwork }

// Request is the kind of a rejected request.
type Request uint8

// The requests.
const (
	RequestMulticast Request = 1 + iota // multicast
	RequestJoin                         // join
	RequestLeave                        // leave
)

// Rejected is a request of this connection that the daemon returns because its policy denies it or
// a group is full (client-protocol §9.3). It is a type of its own, so that no program mistakes it
// for a delivered message.
type Rejected struct {
	Request Request
	// Message is the request as it was sent. Service is 0 for a join and a leave.
	Message Message
	// OldType is the type word as the daemon returns it, with the protocol's bits. A join appears
	// as CAUSED_BY_JOIN.
	OldType uint32
}

// Unknown is a message of a type that this library does not know. No known daemon sends one.
type Unknown struct {
	Kind    uint32 // type word with the protocol's bits
	Sender  string
	Groups  []string
	Type    int16
	Payload []byte
}

// Connected reports a new connection of a [Client]. The events of that connection follow.
type Connected struct {
	Address      string        // of the daemon
	PrivateGroup string        // the name of this connection
	Away         time.Duration // since the last connection ended; 0 for the first one
}

// Joined reports that a [Client] is a member of all groups that it joined when it connected.
// Messages that others sent to the groups before may be missing.
type Joined struct {
	Address      string        // of the daemon
	PrivateGroup string        // the name of this connection
	Away         time.Duration // since the end of the last connection that had joined; 0 for the first one
}

// Slow reports that the program of a [Client] receives more slowly than its messages arrive: at
// least as many bytes wait as [WithBacklog] allows. Once the socket's buffer is full (some 200
// KiB), the daemon keeps messages for the client, and drops it when they are too many (64 MiB by
// default, C daemons 1000 messages).
//
// A client sees only what waits on its own host, and checks only while the program receives. On
// systems other than Linux it does not see what waits in the kernel.
type Slow struct {
	Bytes int // waiting when it was checked
}

// Disconnected reports the end of a connection of a [Client]. Messages sent to its groups from now
// on until the next [*Joined] are missing. The next call of Receive connects again.
type Disconnected struct {
	Address      string
	PrivateGroup string
	Err          error         // why: ErrReturning, the argument of Reconnect, or an [*Error]
	Lasted       time.Duration // how long the client was connected
}

// ConnectFailed reports an attempt of a [Client] to connect that failed. The next call of Receive
// tries the next address.
type ConnectFailed struct {
	Address string
	Err     error
	Retry   time.Duration // the pause until the next attempt
}

func (*Message) event()       {}
func (*Membership) event()    {}
func (*Rejected) event()      {}
func (*Unknown) event()       {}
func (*Connected) event()     {}
func (*Joined) event()        {}
func (*Slow) event()          {}
func (*Disconnected) event()  {}
func (*ConnectFailed) event() {}
