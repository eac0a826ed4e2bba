package status

import (
	"slices"
	"strings"
	"time"
)

// Status is the state of one daemon.
type Status struct {
	// Time is when the daemon answered.
	Time time.Time `json:"time"`
	// Daemon is its name, ID the id that the protocol uses for it.
	Daemon string `json:"daemon"`
	ID     uint32 `json:"id"`
	// Version is that of spreadd, Protocol that of Spread.
	Version  string `json:"version"`
	Protocol string `json:"protocol"`
	// Started is when the daemon started.
	Started time.Time `json:"started"`
	// Verdict sums up the daemon's view, with a reason for each thing that is wrong.
	Verdict Verdict  `json:"verdict"`
	Reasons []Reason `json:"reasons"`
	// Configuration is the one in force.
	Configuration Configuration `json:"configuration"`
	Ring          Ring          `json:"ring"`
	// Keys are the ring keys, nil if the daemon has none.
	Keys *Keys `json:"keys,omitempty"`
	// Daemons are all daemons of the configuration, in its order, this one included.
	Daemons []Daemon `json:"daemons"`
	// Changes are the last changes of membership, the latest first.
	Changes []Change `json:"changes"`
	Clients Clients  `json:"clients"`
	Memory  Memory   `json:"memory"`
	// Drops are what was dropped or refused and why, without reasons that did not occur.
	Drops []Drop `json:"drops"`
	// Dropped are the last clients that were disconnected because they did not read, the latest first.
	Dropped []DroppedClient `json:"dropped"`
	// Sessions and Groups are the first page of each.
	Sessions Sessions `json:"sessions"`
	Groups   Groups   `json:"groups"`
}

// Configuration is what spread.conf says.
type Configuration struct {
	// Hash is the hash of the file, as eight hexadecimal digits. Daemons with different hashes form
	// no ring.
	Hash string `json:"hash"`
	// Since is when it came into force.
	Since    time.Time `json:"since"`
	Daemons  int       `json:"daemons"`
	Segments int       `json:"segments"`
}

// Ring is the ring that is installed, or was installed last.
type Ring struct {
	// ID is the id of the membership, "" before the first.
	ID string `json:"id,omitempty"`
	// Since is when it was installed.
	Since *time.Time `json:"since,omitempty"`
	// Operating reports whether its token is in use. A daemon whose ring is lost is forming another.
	Operating bool `json:"operating"`
	// State is the state of the membership protocol, "OP" in a ring. GroupsState is that of the
	// groups, "GOP" in normal operation.
	State       string `json:"state"`
	GroupsState string `json:"groups_state"`
	// FormingSince is since when the daemon has had no ring; nil while it has one.
	FormingSince *time.Time `json:"forming_since,omitempty"`
	// Members are the names of its daemons in the order of the token, the leader first.
	Members []string `json:"members"`
	Leader  string   `json:"leader,omitempty"`
	// Installed counts the memberships since the daemon started.
	Installed int64 `json:"installed"`
	Token     Token `json:"token"`
	Flow      Flow  `json:"flow"`
}

// Token is how the token of the ring goes around.
type Token struct {
	// Rounds counts them since the daemon started, Hurries the tokens that were repeated.
	Rounds  int64 `json:"rounds"`
	Hurries int64 `json:"hurries"`
	// RoundSeconds is the mean time of a round lately, and RoundSecondsMean since the start. While
	// nobody sends, the leader holds the token and a round takes as long.
	RoundSeconds     float64 `json:"round_seconds,omitempty"`
	RoundSecondsMean float64 `json:"round_seconds_mean,omitempty"`
}

// Flow is flow control and what it has let through.
type Flow struct {
	// Window is how many packets all daemons may send in a round, Personal how many this one may.
	// Accelerated is how many of them may follow the token, if AcceleratedRing is on.
	Window        int  `json:"window"`
	Personal      int  `json:"personal_window"`
	Accelerated   int  `json:"accelerated_window"`
	AcceleratedOn bool `json:"accelerated"`
	// Queued is how many messages wait for the token.
	Queued int `json:"queued_messages"`
	// Sequence numbers of the ring: the highest that is known, the one up to which this daemon has
	// all packets, and the one up to which all daemons have them.
	Highest int32 `json:"highest"`
	OwnAru  int32 `json:"own_aru"`
	Aru     int32 `json:"aru"`
	// Counters of packets. Retransmitted are those that this daemon sent again for others.
	Sent          int64 `json:"packets_sent"`
	Received      int64 `json:"packets_received"`
	Delivered     int64 `json:"packets_delivered"`
	Retransmitted int64 `json:"packets_retransmitted"`
	// MessagesDelivered counts the messages between clients that were ordered.
	MessagesDelivered int64 `json:"messages_delivered"`
	// Rates are the packets and messages a second lately.
	SentRate     *float64 `json:"packets_sent_rate,omitempty"`
	ReceivedRate *float64 `json:"packets_received_rate,omitempty"`
	MessageRate  *float64 `json:"messages_rate,omitempty"`
	// LateSeconds is by how much the daemon was descheduled recently.
	LateSeconds float64 `json:"late_seconds"`
}

// State says where a daemon of the configuration is.
type State string

// The states of a daemon.
const (
	// Member: it is in the ring of the daemon that reports.
	Member State = "member"
	// Missing: it was heard or was a member once, and is not in the ring.
	Missing State = "missing"
	// NeverSeen: it was never heard since the daemon that reports has started.
	NeverSeen State = "never-seen"
)

// Daemon is a daemon of the configuration as another daemon sees it.
type Daemon struct {
	Name    string `json:"name"`
	ID      uint32 `json:"id"`
	Address string `json:"address"`
	Port    uint16 `json:"port"`
	Segment int    `json:"segment"`
	// Self marks the daemon that reports.
	Self  bool  `json:"self,omitempty"`
	State State `json:"state"`
	// Since is since when it is in that state: for one that was never seen, the start of the
	// daemon that reports.
	Since time.Time `json:"since"`
	// Reason says why it is missing, in a code, and Text in words.
	Reason Code   `json:"reason,omitempty"`
	Text   string `json:"text,omitempty"`
	// TokenSent reports whether a form token was sent to it lately, while no ring works, and TokenCame
	// whether one came from it.
	TokenSent bool `json:"form_token_sent,omitempty"`
	TokenCame bool `json:"form_token_came,omitempty"`
	// AskCame reports whether a request of a monitor came from it lately, and Unanswered whether it answers
	// none of those of the daemon that reports. Daemons ask each other all the time, so that a ring in
	// which nobody sends anything shows which direction is blocked.
	AskCame    bool `json:"request_came,omitempty"`
	Unanswered bool `json:"requests_unanswered,omitempty"`
	// Heard is how the daemon that reports hears it. It is nil for itself.
	Heard *Heard `json:"heard,omitempty"`
	// Keys is what is known of its ring keys. It is nil for the daemon that reports, and without keys.
	Keys *Keys `json:"keys,omitempty"`
}

// Keys is the state of the ring keys of a daemon: of the one that reports, or of another one as it has
// announced them.
type Keys struct {
	// Sends is "sealed" or "plain", or "unknown" for a daemon that was never heard.
	Sends string `json:"sends"`
	// AcceptsPlain reports whether it also accepts plain datagrams.
	AcceptsPlain bool `json:"accepts_plain"`
	// InUse is the id of the key that it seals with, and Known are the ids of all keys that it has.
	InUse string   `json:"in_use,omitempty"`
	Known []string `json:"known"`
	// WaitsFor is the key that it will use once all daemons have it, and Lacking are those for which it
	// waits.
	WaitsFor string   `json:"waits_for,omitempty"`
	Lacking  []string `json:"lacking,omitempty"`
	// LastSeconds is how long ago its last sealed datagram arrived; nil for the daemon that reports, and
	// if none ever did.
	LastSeconds *float64 `json:"last_seconds,omitempty"`
}

// The values of [Keys.Sends].
const (
	SendsSealed  = "sealed"
	SendsPlain   = "plain"
	SendsUnknown = "unknown"
)

// text says in words which keys a daemon has.
func (k *Keys) text() string {
	known := strings.Join(k.Known, " ")
	switch {
	case k.Sends == SendsPlain && k.InUse == "":
		return "plain, no keys announced"
	case k.Sends == SendsPlain:
		return "plain, has " + known
	case k.AcceptsPlain:
		return "key " + k.InUse + " of " + known + ", accepts plain"
	default:
		return "key " + k.InUse + " of " + known
	}
}

// same reports whether two daemons have and use the same keys.
func (k *Keys) same(o *Keys) bool {
	return k.Sends == o.Sends && k.AcceptsPlain == o.AcceptsPlain && k.InUse == o.InUse && slices.Equal(k.Known, o.Known)
}

// Heard is how one daemon hears another.
type Heard struct {
	// Last is when its last datagram arrived, nil if none ever did.
	Last *time.Time `json:"last,omitempty"`
	// Datagrams counts those that arrived from it and were accepted.
	Datagrams int64 `json:"datagrams"`
	// Packets counts the data packets of the ring that it made and that arrived the first time they
	// were sent, Missed those that had to be sent again before they arrived.
	Packets int64 `json:"packets"`
	Missed  int64 `json:"missed"`
	// LossRate is the share of missed ones lately, from 0 to 1, if any were sent; of at least five.
	LossRate *float64 `json:"loss_rate,omitempty"`
	// RoundTripSeconds is the time until it answered the last request of a monitor on this daemon,
	// if there was one in the last minute.
	RoundTripSeconds *float64 `json:"round_trip_seconds,omitempty"`
	// Refused is when its host last refused a datagram because no process has the port open.
	Refused *time.Time `json:"refused,omitempty"`
	// OtherHash is the hash of another configuration with which its address sent the last datagram
	// that was refused for it, and OtherAt when.
	OtherHash string     `json:"other_hash,omitempty"`
	OtherAt   *time.Time `json:"other_at,omitempty"`
	// Hears are the daemons that it listed as heard when a ring was last formed.
	Hears []string `json:"hears,omitempty"`
}

// Change is a change of membership.
type Change struct {
	Time time.Time `json:"time"`
	// ID is the id of the membership that it led to.
	ID      string   `json:"id"`
	Members []string `json:"members"`
	// Cause is why the ring before was given up, and By the daemon that showed it.
	Cause string `json:"cause"`
	By    string `json:"by,omitempty"`
	// Text is the change as a sentence.
	Text     string      `json:"text"`
	Joined   []string    `json:"joined,omitempty"`
	Returned []string    `json:"returned,omitempty"`
	Left     []Departure `json:"left,omitempty"`
	// TookSeconds is the time from the cause to the new ring, and LostPackets what nobody had.
	TookSeconds float64 `json:"took_seconds"`
	Attempts    int     `json:"attempts"`
	LostPackets int     `json:"lost_packets"`
}

// Departure is a daemon that has left the ring, and why.
type Departure struct {
	Daemon string `json:"daemon"`
	Why    string `json:"why"`
}

// Clients sums up the sessions of a daemon.
type Clients struct {
	Sessions    int `json:"sessions"`
	MaxSessions int `json:"max_sessions"`
	Handshakes  int `json:"handshakes"`
	// Behind are the sessions that do not keep up, NearlyFull those about to be disconnected for it.
	Behind     int `json:"behind"`
	NearlyFull int `json:"nearly_full"`
	// Waiting is what is queued for all of them.
	WaitingMessages int   `json:"waiting_messages"`
	WaitingBytes    int64 `json:"waiting_bytes"`
	// Counters since the start.
	Opened   int64 `json:"opened"`
	Received int64 `json:"received_messages"`
	Queued   int64 `json:"queued_messages"`
	// DroppedSlow counts the sessions that were ended because they did not read.
	DroppedSlow int64 `json:"dropped_slow"`
	// Pauses counts the times that publishers had to wait for a receiver.
	Pauses int64 `json:"publisher_pauses"`
}

// DroppedClient is a client that was disconnected because it did not read.
type DroppedClient struct {
	Time time.Time `json:"time"`
	// Name is its private group, and Peer its address or "local".
	Name string `json:"name"`
	Peer string `json:"peer"`
	// Why is the limit that was reached, and Waiting what was queued for it then.
	Why             string `json:"why"`
	WaitingMessages int    `json:"waiting_messages"`
	WaitingBytes    int64  `json:"waiting_bytes"`
}

// Memory is the memory of messages and packets.
type Memory struct {
	Used int64 `json:"used_bytes"`
	Max  int64 `json:"max_bytes"`
}

// Drop is something that was dropped or refused, by what and why.
type Drop struct {
	// What is "datagrams", "kernel", "sends", "clients", "requests" or "groups".
	What   string `json:"what"`
	Reason string `json:"reason"`
	Count  int64  `json:"count"`
}
