package status

import "time"

// Status is the state of a subscriber.
type Status struct {
	// Time is when it answered, Started when its process started.
	Time    time.Time `json:"time"`
	Started time.Time `json:"started"`
	Version string    `json:"version"`
	// Host is its name in acknowledgments.
	Host string `json:"host"`
	// Connected reports whether all connections have joined all their groups.
	Connected bool     `json:"connected"`
	Daemons   []Daemon `json:"daemons"`
	// Messages are those received, with the bytes of their payloads.
	Messages int64 `json:"messages"`
	Bytes    int64 `json:"bytes"`
	Acks     int64 `json:"acknowledgments"`
	// Drops are messages that were not written, without reasons that did not occur. Duplicates and
	// lines that a filter leaves out are among them.
	Drops []Drop `json:"drops"`
	Sinks []Sink `json:"sinks"`
	// Healing is nil without heal.listen.
	Healing *Healing `json:"healing,omitempty"`
	// Lists are the files that name groups, groups_file.
	Lists []GroupsFile `json:"groups_files,omitempty"`
	// Late means that a disk does not answer: what sinks and files have is as of its last answer.
	Late bool `json:"late,omitempty"`
	// Logs, Files and Publishers are the first page of each.
	Logs       Logs       `json:"logs"`
	Files      Files      `json:"files"`
	Publishers Publishers `json:"publishers"`
}

// Daemon is one connection.
type Daemon struct {
	Address   string `json:"address"`
	Connected bool   `json:"connected"`
	// Session is the private group of the connection.
	Session string `json:"session,omitempty"`
	// Groups are to be joined; Joined of them are.
	Groups   int   `json:"groups"`
	Joined   int   `json:"joined"`
	Connects int64 `json:"connects"`
	Failures int64 `json:"failures"`
	Messages int64 `json:"messages"`
	// LastSeconds is how long ago the last message came.
	LastSeconds *float64 `json:"last_seconds,omitempty"`
}

// GroupsFile is a list of groups.
type GroupsFile struct {
	File   string `json:"file"`
	Groups int    `json:"groups"`
	// Problem says why it cannot be read, or which lines are skipped.
	Problem string `json:"problem,omitempty"`
}

// Drop counts messages that were not written for a reason.
type Drop struct {
	Reason   string `json:"reason"`
	Messages int64  `json:"messages"`
	Bytes    int64  `json:"bytes"`
}

// Sink is where lines are written: all files together, a command, a table or all Perl functions.
type Sink struct {
	Name string `json:"name"`
	// Failing counts what cannot be written at present: files, or 1.
	Failing int   `json:"failing"`
	Lines   int64 `json:"lines"`
	Bytes   int64 `json:"bytes"`
	Errors  int64 `json:"errors"`
	// Dropped are lines that were lost.
	Dropped int64 `json:"dropped_lines"`
	// Waiting is what waits for the writer, in memory; Queued what waits behind it for a command or a table.
	WaitingLines int   `json:"waiting_lines"`
	WaitingBytes int64 `json:"waiting_bytes"`
	MaxBytes     int64 `json:"max_bytes"`
	QueuedLines  int64 `json:"queued_lines,omitempty"`
	// Spool is what waits on disk.
	SpoolBytes   int64 `json:"spool_bytes,omitempty"`
	SpoolFailing bool  `json:"spool_failing,omitempty"`
	// OpenFiles hold a descriptor, Evictions counts those that were closed for want of one.
	OpenFiles int   `json:"open_files,omitempty"`
	Evictions int64 `json:"evictions,omitempty"`
}

// Healing is how log hosts fetch lines from each other.
type Healing struct {
	// Running means that the files are being compared with those of other log hosts.
	Running  bool   `json:"running"`
	Peers    []Peer `json:"peers"`
	Healings int64  `json:"healings"`
	// Lines and Bytes were fetched, SentBytes were served to others.
	Lines     int64 `json:"lines"`
	Bytes     int64 `json:"bytes"`
	SentBytes int64 `json:"sent_bytes"`
	Reordered int64 `json:"reordered_files"`
	Refused   int64 `json:"refused_connections"`
	// Failures are attempts that failed, by reason, without reasons that did not occur.
	Failures map[string]int64 `json:"failures"`
}

// Peer is another log host.
type Peer struct {
	Host    string `json:"host"`
	Address string `json:"address"`
}

// Log is a group, and where its lines go.
type Log struct {
	// Name is the group and the destination, with a space between.
	Name  string `json:"name"`
	Group string `json:"group"`
	To    string `json:"to"`
	Lines int64  `json:"lines"`
	Bytes int64  `json:"bytes"`
	// Lines that were left out on purpose.
	NoMatch     int64 `json:"no_match"`
	Filtered    int64 `json:"filtered"`
	NotInSample int64 `json:"not_in_sample"`
	// Newest is the time in the last line, DelaySeconds how much later it was written.
	Newest       *time.Time `json:"newest,omitempty"`
	DelaySeconds float64    `json:"delay_seconds,omitempty"`
}

// File is a file that is open, or whose lines wait.
type File struct {
	Path    string `json:"path"`
	Lines   int64  `json:"lines"`
	Bytes   int64  `json:"bytes"`
	Errors  int64  `json:"errors"`
	Dropped int64  `json:"dropped_lines"`
	Waiting int64  `json:"waiting_bytes"`
}

// Publisher is one whose lines come in envelopes.
type Publisher struct {
	Name    string `json:"name"`
	Lines   int64  `json:"lines"`
	Repeats int64  `json:"repeats"`
	// Missing are lines whose numbers were skipped and that have not come since.
	Missing   int64 `json:"missing"`
	Late      int64 `json:"late"`
	Conflicts int64 `json:"conflicts"`
}
