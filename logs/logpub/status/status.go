package status

import "time"

// Status is the state of a publisher.
type Status struct {
	// Time is when it answered, Started when its process started.
	Time    time.Time `json:"time"`
	Started time.Time `json:"started"`
	Version string    `json:"version"`
	// Publisher is its name in envelopes. Delivery says when a line is done with.
	Publisher string `json:"publisher,omitempty"`
	Delivery  string `json:"delivery"`
	// Configured is when the configuration came into force, Refused counts those that were refused.
	Configured time.Time `json:"configured"`
	Refused    int64     `json:"refused_configurations"`
	// Connected reports whether one of the daemons is in use.
	Connected bool     `json:"connected"`
	Daemons   []Daemon `json:"daemons"`
	Lines     Lines    `json:"lines"`
	Queue     Queue    `json:"queue"`
	// Spool is nil without one.
	Spool *Spool `json:"spool,omitempty"`
	// Late means that the disk of the spool does not answer: what the queue and the spool have is as of
	// its last answer.
	Late bool `json:"late,omitempty"`
	// Drops are lines that were lost, without reasons that did not occur.
	Drops []Drop `json:"drops"`
	// Groups are where lines go, in the order of first use: at most 100 of them, and then all others as one.
	Groups []Group `json:"groups"`
	// Inputs is the first page of them.
	Inputs Inputs `json:"inputs"`
}

// Daemon is one daemon of the configuration.
type Daemon struct {
	Address   string `json:"address"`
	Connected bool   `json:"connected"`
	// Session is the private group of the connection.
	Session  string `json:"session,omitempty"`
	Connects int64  `json:"connects"`
	Failures int64  `json:"failures"`
}

// Lines are counted over all inputs and groups.
type Lines struct {
	Received      int64 `json:"received"`
	ReceivedBytes int64 `json:"received_bytes"`
	// Sent are those that are done with, by the delivery.
	Sent      int64 `json:"sent"`
	SentBytes int64 `json:"sent_bytes"`
	// Waiting are those that are not done with, in memory or in the spool. OldestSeconds is how long ago
	// the oldest of them was read, by this process or an earlier one.
	Waiting       int64   `json:"waiting"`
	OldestSeconds float64 `json:"oldest_seconds,omitempty"`
	// Unheard are those for groups in which no log host acknowledges any, with delivery written.
	Unheard   int64 `json:"unheard,omitempty"`
	Recovered int64 `json:"recovered"`
	Resent    int64 `json:"resent"`
	Rejected  int64 `json:"rejected"`
	Truncated int64 `json:"truncated"`
}

// Queue is the memory of lines that wait.
type Queue struct {
	Bytes int64 `json:"bytes"`
	Max   int64 `json:"max_bytes"`
	// Unconfirmed counts the blocks that are on their way.
	Unconfirmed int `json:"unconfirmed_blocks"`
}

// Spool is what waits on disk.
type Spool struct {
	Lines    int64 `json:"lines"`
	Bytes    int64 `json:"bytes"`
	Max      int64 `json:"max_bytes"`
	Segments int   `json:"segments"`
	// Failing means that it cannot be used.
	Failing   bool  `json:"failing"`
	Errors    int64 `json:"errors"`
	Damaged   int64 `json:"damaged"`
	Abandoned int64 `json:"abandoned_lines"`
}

// Drop counts lines that were lost for a reason.
type Drop struct {
	Reason string `json:"reason"`
	Lines  int64  `json:"lines"`
	Bytes  int64  `json:"bytes"`
}

// Group is where lines go: a group, or several with spaces between.
type Group struct {
	Name string `json:"name"`
	// Received counts the lines for it, those that were dropped later included; Sent those that were
	// passed to a daemon for the first time.
	Received      int64 `json:"received"`
	ReceivedBytes int64 `json:"received_bytes"`
	Sent          int64 `json:"sent"`
	// Waiting are those in memory that are not done with, OldestSeconds how long ago the first of them
	// was read. Lines that are only in the spool are not counted by group.
	Waiting       int64   `json:"waiting"`
	OldestSeconds float64 `json:"oldest_seconds,omitempty"`
	// LogHosts have acknowledged lines, with delivery written.
	LogHosts []LogHost `json:"log_hosts,omitempty"`
	// Unsubscribed means that nobody has joined the groups, so that lines are lost, with delivery ordered
	// and sent.
	Unsubscribed bool `json:"unsubscribed,omitempty"`
	// Silent means that none does at present.
	Silent bool `json:"silent,omitempty"`
}

// LogHost is a log host that acknowledges lines.
type LogHost struct {
	Name string `json:"name"`
	// LastSeconds is how long ago it last did so.
	LastSeconds float64 `json:"last_seconds"`
}

// State says how an input is.
type State string

// The states of an input.
const (
	// Reading: nothing is known to be wrong.
	Reading State = "reading"
	// Missing: no file is at the path.
	Missing State = "missing"
	// Unreadable: there is one, and it cannot be read.
	Unreadable State = "unreadable"
)

// Input is one input. A file that a pattern has found is an input of its own.
type Input struct {
	Name  string `json:"name"`
	State State  `json:"state"`
	// Error says why it is not read.
	Error     string  `json:"error,omitempty"`
	Lines     int64   `json:"lines"`
	Bytes     int64   `json:"bytes"`
	Truncated int64   `json:"truncated"`
	File      *File   `json:"file,omitempty"`
	Syslog    *Syslog `json:"syslog,omitempty"`
}

// File is what an input that is a file has in addition.
type File struct {
	Path string `json:"path"`
	// Position is how far the file is read, Safe from where it is read after a restart.
	Position int64 `json:"position_bytes"`
	Safe     int64 `json:"safe_bytes"`
	// Behind is what is not read yet, in this file and in rotated ones that are still followed.
	Behind int64 `json:"behind_bytes"`
	Files  int   `json:"files"`

	Rotations   int64 `json:"rotations"`
	Truncations int64 `json:"truncations"`
	Losses      int64 `json:"losses"`
	Errors      int64 `json:"errors"`
}

// Syslog is what an input that is a socket has in addition.
type Syslog struct {
	Messages    int64 `json:"messages"`
	Connections int   `json:"connections"`
	Refused     int64 `json:"refused_connections"`
	KernelDrops int64 `json:"kernel_drops"`
}
