package status

import "time"

// Sessions is a page of the sessions of a daemon, by name.
type Sessions struct {
	// Total counts all sessions, List holds those of the page.
	Total int       `json:"total"`
	List  []Session `json:"list"`
	// Next is what to pass as "after" for the next page, "" if this is the last.
	Next string `json:"next,omitempty"`
}

// Session is one client.
type Session struct {
	// Name is its private group, such as "#web#host1".
	Name string `json:"name"`
	// Peer is the client's address, or "local".
	Peer string `json:"peer"`
	// Identity is who the client has shown to be, if it has.
	Identity string `json:"identity,omitempty"`
	// Version is that of its library.
	Version string    `json:"version"`
	Since   time.Time `json:"since"`
	// Memberships reports whether it gets membership messages.
	Memberships bool `json:"memberships"`
	// NumGroups counts its groups, Groups names the first of them.
	NumGroups int      `json:"num_groups"`
	Groups    []string `json:"groups"`
	// Waiting is what is queued for it.
	WaitingMessages int   `json:"waiting_messages"`
	WaitingBytes    int64 `json:"waiting_bytes"`
	Behind          bool  `json:"behind,omitempty"`
	// BlockedSeconds is for how long it has kept its writer waiting since it began.
	BlockedSeconds float64 `json:"blocked_seconds"`
	// What it has sent and taken since it began, and a second lately.
	SentMessages     int64    `json:"sent_messages"`
	SentBytes        int64    `json:"sent_bytes"`
	ReceivedMessages int64    `json:"received_messages"`
	ReceivedBytes    int64    `json:"received_bytes"`
	SentRate         *float64 `json:"sent_messages_rate,omitempty"`
	ReceivedRate     *float64 `json:"received_messages_rate,omitempty"`
}

// Groups is a page of the groups of the ring, by name.
type Groups struct {
	// Total counts all groups, List holds those of the page.
	Total int     `json:"total"`
	List  []Group `json:"list"`
	// Next is what to pass as "after" for the next page, "" if this is the last.
	Next string `json:"next,omitempty"`
}

// Group is one group.
type Group struct {
	Name string `json:"name"`
	// NumMembers counts the members on all daemons, LocalMembers those on this one.
	NumMembers   int `json:"num_members"`
	LocalMembers int `json:"local_members"`
	// Members names the first of them.
	Members []string `json:"members"`
	// Messages and Bytes count what was sent to it in the total order since this daemon has known it
	// without a break, and a second lately.
	Messages    uint64   `json:"messages"`
	Bytes       uint64   `json:"bytes"`
	MessageRate *float64 `json:"messages_rate,omitempty"`
	ByteRate    *float64 `json:"bytes_rate,omitempty"`
}
