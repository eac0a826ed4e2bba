package status

import (
	"slices"
	"time"
)

// Cluster is the state of all daemons of a configuration, as one place sees them through the
// monitor protocol.
type Cluster struct {
	Time time.Time `json:"time"`
	// From is the daemon that has asked the others, or "" for spmonitor.
	From    string   `json:"from,omitempty"`
	Verdict Verdict  `json:"verdict"`
	Reasons []Reason `json:"reasons"`
	// Daemons are all of the configuration, in its order.
	Daemons []Summary `json:"daemons"`
}

// Summary is what a daemon says of itself in one answer.
type Summary struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	Port    uint16 `json:"port"`
	Segment int    `json:"segment"`
	// Answered reports whether the daemon has answered. The fields up to Daemons need that.
	Answered bool `json:"answered"`
	// RoundTripSeconds is the time from the request to the answer.
	RoundTripSeconds float64 `json:"round_trip_seconds,omitempty"`
	// Missing says why a daemon that has not answered may be missing, as the others see it.
	Missing Code   `json:"missing,omitempty"`
	Text    string `json:"text,omitempty"`
	// Since is since when the others miss it, or since when its ring is installed.
	Since *time.Time `json:"since,omitempty"`

	// What every daemon answers.
	Protocol          string  `json:"protocol,omitempty"`
	UptimeSeconds     float64 `json:"uptime_seconds,omitempty"`
	State             string  `json:"state,omitempty"`
	Operating         bool    `json:"operating"`
	GroupsState       string  `json:"groups_state,omitempty"`
	Leader            string  `json:"leader,omitempty"`
	Members           int     `json:"members,omitempty"`
	Sessions          int     `json:"sessions"`
	Groups            int     `json:"groups"`
	Sent              int64   `json:"packets_sent"`
	Received          int64   `json:"packets_received"`
	Delivered         int64   `json:"packets_delivered"`
	Retransmitted     int64   `json:"packets_retransmitted"`
	MessagesDelivered int64   `json:"messages_delivered"`
	Installed         int64   `json:"installed"`

	// Extended reports whether it has answered the extended request, which C daemons do not know.
	// The fields below need that.
	Extended bool `json:"extended"`
	// Version is that of spreadd.
	Version string `json:"version,omitempty"`
	// Ring is the id of the membership.
	Ring string `json:"ring,omitempty"`
	// Hash is that of its configuration. One with another hash does not answer.
	Hash string `json:"hash,omitempty"`
	// RoundSeconds is the mean time of a token round lately.
	RoundSeconds float64 `json:"round_seconds,omitempty"`
	LateSeconds  float64 `json:"late_seconds,omitempty"`
	// Clients that do not keep up, and what waits for all.
	Behind       int   `json:"behind,omitempty"`
	WaitingBytes int64 `json:"waiting_bytes,omitempty"`
	DroppedSlow  int64 `json:"dropped_slow,omitempty"`
	MemoryUsed   int64 `json:"memory_used_bytes,omitempty"`
	MemoryMax    int64 `json:"memory_max_bytes,omitempty"`
	// Suspicious counts the datagrams that it refused as malformed, foreign or forged.
	Suspicious int64 `json:"suspicious_datagrams,omitempty"`
	// Keys is the state of its ring keys, nil if it runs an older spreadd.
	Keys *RingKeys `json:"keys,omitempty"`
	// Change is its last change of membership, as a sentence.
	Change string `json:"change,omitempty"`
	// Peers is how it hears the others, in the order of the configuration without itself.
	Peers []Peer `json:"peers,omitempty"`
}

// RingKeys is the state of a daemon's ring keys.
type RingKeys struct {
	// InUse is the id of the key that it seals with, "" if it has no keys. Set stands for all keys that
	// it has: daemons with the same keys have the same.
	InUse string `json:"in_use,omitempty"`
	Set   string `json:"set,omitempty"`
	// SendsPlain and AcceptsPlain report whether datagrams leave, and are accepted, without a seal.
	SendsPlain   bool `json:"sends_plain"`
	AcceptsPlain bool `json:"accepts_plain"`
}

// text says in words which keys a daemon has.
func (k *RingKeys) text() string {
	text := "key " + k.InUse + " of set " + k.Set
	switch {
	case k.InUse == "":
		return "no keys"
	case k.SendsPlain:
		text += ", sends plain"
	case k.AcceptsPlain:
		text += ", accepts plain"
	}
	return text
}

// Peer is how a daemon hears another.
type Peer struct {
	Name  string `json:"name"`
	State State  `json:"state"`
	// Reason is why it is missing.
	Reason Code `json:"reason,omitempty"`
	// TokenSent and TokenCame are those of [Daemon].
	TokenSent bool `json:"form_token_sent,omitempty"`
	TokenCame bool `json:"form_token_came,omitempty"`
	// AskCame and Unanswered are those of [Daemon].
	AskCame    bool `json:"request_came,omitempty"`
	Unanswered bool `json:"requests_unanswered,omitempty"`
	// LastSeconds is how long ago its last datagram arrived; nil if none ever did.
	LastSeconds *float64 `json:"last_seconds,omitempty"`
	// SinceSeconds is for how long it is in its state.
	SinceSeconds float64 `json:"since_seconds"`
	// Packets, Missed and LossRate are those of [Heard].
	Packets  int64    `json:"packets"`
	Missed   int64    `json:"missed"`
	LossRate *float64 `json:"loss_rate,omitempty"`
	// RoundTripSeconds is that of [Heard].
	RoundTripSeconds *float64 `json:"round_trip_seconds,omitempty"`
	// Link sums up how well the daemon hears the other one.
	Link Link `json:"link,omitempty"`
}

// Link says how well a daemon hears another.
type Link string

// The links.
const (
	// LinkGood: its datagrams arrive.
	LinkGood Link = "good"
	// LinkLossy: some of its packets have to be sent again.
	LinkLossy Link = "lossy"
	// LinkBroken: nothing arrives from it, although it sends.
	LinkBroken Link = "broken"
	// LinkSilent: nothing arrives from it, and it is not known to send.
	LinkSilent Link = "silent"
)

// Merge adds what another daemon sees: daemons that only that one knows, or that only that one has an
// answer of. The verdict is then one of all answers.
func (c *Cluster) Merge(o *Cluster) {
	c.From = ""
	for _, d := range o.Daemons {
		i := slices.IndexFunc(c.Daemons, func(s Summary) bool { return s.Name == d.Name && s.Address == d.Address })
		switch {
		case i < 0:
			c.Daemons = append(c.Daemons, d)
		case d.Answered && !c.Daemons[i].Answered:
			c.Daemons[i] = d
		}
	}
	c.Verdict, c.Reasons = JudgeCluster(c)
}
