package logpub

//go:generate go tool -modfile=../../.ci/tools/go.mod stringer -type=Delivery -linecomment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/spreadd/spreadd/internal/conf"
	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/internal/tlsconf"
	"github.com/spreadd/spreadd/logs/internal/logline"
	"github.com/spreadd/spreadd/logs/internal/queue"
	"github.com/spreadd/spreadd/logs/internal/spool"
	"github.com/spreadd/spreadd/spread"
)

// Defaults of [Config].
const (
	// DefaultAddress is Spread's port on this host.
	DefaultAddress = "4803"
	// DefaultQueueBytes holds a minute of a busy web server: 80000 lines of 200 bytes.
	DefaultQueueBytes = 16 << 20
	// DefaultBlockTime is longer than a healthy daemon takes to make room for a block of lines, so that a file read at full
	// speed loses nothing, and shorter than what a visitor notices.
	DefaultBlockTime = 250 * time.Millisecond
	// DefaultSpoolBytes holds an hour of a busy web server.
	DefaultSpoolBytes = 1 << 30
	// MinSpoolBytes is the smallest spool: some of the longest lines.
	MinSpoolBytes = 1 << 20
	// DefaultSpoolAfter bounds what a kill loses to about as much as one read takes. With [Ordered], a ring that works confirms
	// lines sooner, and then they are never written.
	DefaultSpoolAfter = 20 * time.Millisecond
	// DefaultBatchBytes spares daemons most of the cost of a message and fits into 12 datagrams.
	DefaultBatchBytes = 16 << 10
	// DefaultDrainTimeout is how long the last lines may delay a restart of a web server.
	DefaultDrainTimeout = 5 * time.Second
	// DefaultStallTime is longer than a ring takes to form again without a daemon.
	DefaultStallTime = 30 * time.Second
	// DefaultReturnInterval is how soon publishers return to the first daemon.
	DefaultReturnInterval = 10 * time.Second
	// DefaultStatsInterval is the time between two lines of counters in the log.
	DefaultStatsInterval = time.Minute
	// DefaultMessType is the message type of mod_log_spread (mod_log_spread §1.3). The program uses it;
	// [Config.MessType] has no default.
	DefaultMessType = 1
)

// MaxAcks is the largest [Config.Acks].
const MaxAcks = 16

// maxName is the longest private name that a daemon accepts.
const maxName = 10

// Config says where and how to publish. Zero values of all fields but Groups mean the defaults.
type Config struct {
	// Address is the daemon's, in libspread's form ([spread.ParseAddress]). Empty means DefaultAddress.
	Address string
	// Groups get each line, in one message: 1 to 100 of them.
	Groups []string
	// Route finds the groups of each line. Nil means Groups. If it has no Default, Groups are the default.
	Route *Route
	// VHost is put in front of each line, with a space. It is for a virtual host whose lines do not contain its name.
	// Empty means nothing.
	VHost string
	// VHostWord says what to do with the first word of a line, where that is the virtual host. Routes see the line
	// before this change.
	VHostWord logline.VHostWord
	// Fallbacks are the addresses of further daemons, in the order in which they are tried when the one at Address cannot be
	// reached, closes the connection, or accepts nothing for StallTime. While one of them is in use, the first daemon is tried
	// every ReturnInterval.
	Fallbacks []string
	// StallTime is how long a daemon may accept nothing while lines wait, if there are Fallbacks. Negative means forever.
	StallTime time.Duration
	// ReturnInterval is the time between two attempts to return to the first daemon. Negative means no attempts.
	ReturnInterval time.Duration
	// Delivery says when a line counts as sent and is forgotten. Zero means [Written] with a Spool, [Ordered] without one, and
	// [Sent] if Plain.
	Delivery Delivery
	// Acks is how many log hosts must have written a line, with Written: up to MaxAcks. Zero means 1.
	Acks int
	// Plain sends messages as mod_log_spread did, for subscribers that do not know the envelope: without the header that
	// package envelope describes, by which subscribers detect duplicates and gaps. It changes the defaults of Delivery,
	// BatchBytes and Service.
	Plain bool
	// BatchBytes is how many bytes of lines may share a message, without the envelope. A longer line has a message of its own.
	// Negative gives each line a message of its own. Zero means DefaultBatchBytes, or negative if Plain: without envelopes,
	// subscribers cannot distinguish the lines of a message from a record of several lines. The original spreadlogd treats such
	// a message as one record, and so does logsub. The bound is never above [spread.MaxPayload] of the number of groups.
	BatchBytes int
	// Publisher is the name in envelopes. Empty means the host's name.
	Publisher string
	// Name is the private name: 1 to 10 bytes from '$' to '~'. Empty means "lp" and the process id. If another client has
	// it, the daemon chooses one.
	Name string
	// Service is the service of messages. Zero means [spread.Agreed], with which all log hosts have one order, or
	// [spread.Reliable] if Plain.
	Service spread.Service
	// MessType is the messages' type, a number for subscribers.
	MessType int16
	// QueueBytes bounds the memory of lines that wait for the daemon.
	QueueBytes int
	// Spool is a directory for lines that wait for longer. Empty means none. Several processes may share it.
	Spool string
	// State is a directory in which the publisher keeps how far its numbers went, if there is no Spool: then log hosts learn of
	// lines that are missing at the end of a process. Empty means none.
	State string
	// SpoolBytes bounds what one process has on disk there. The minimum is MinSpoolBytes. Lines that no log host acknowledges are
	// there twice while they leave the others' way, for which they may take QueueBytes and a quarter of SpoolBytes more.
	SpoolBytes int64
	// SpoolAfter is the age at which lines are written to the spool even though memory has room. It bounds what a kill can
	// lose. Negative means at once, and so it is for the lines of a [Stream] if Delivery is [Written].
	SpoolAfter time.Duration
	// Policy says what to do when queue and spool are full.
	Policy Policy
	// BlockTime is how long reading may wait for room in the queue before lines are dropped. Negative means not at all.
	BlockTime time.Duration
	// MaxLine is the longest line in bytes, newline included: from 2 to [spread.MaxPayload] of the number of groups,
	// which is the default.
	MaxLine int
	// DrainTimeout is how long Run may take to end after its context or the input has ended. Negative means that it drops
	// what is queued.
	DrainTimeout time.Duration
	// StatsInterval is the time between two lines of counters in the log. Negative means none.
	StatsInterval time.Duration
	// Log is the operator's log. Nil discards it.
	Log *slog.Logger
	// TLS has the files for connections over TCP that use TLS; none for clear text.
	TLS tlsconf.Client
	// DaemonUsers are users that a daemon of this host may run as ([spread.WithSocketUsers]).
	DaemonUsers []string
	// Dial opens a connection, in tests; nil means spread.Dial ([spread.WithConnect]).
	Dial func(ctx context.Context, address, name string) (spread.Connection, error)
	// Disk has Spool and State, in tests; nil means [fsutil.OS].
	Disk fsutil.FS

	open func(spool.Config) (queue.Store, spool.Recovery, error) // nil means spool.Open
}

//go:generate go tool -modfile=../../.ci/tools/go.mod stringer -type=Policy -linecomment

// Policy says what to do with lines for which there is no room.
type Policy uint8

// The policies.
const (
	// DropNewest drops new lines, at first after BlockTime.
	DropNewest Policy = iota // drop-newest
	// DropOldest drops the lines that have waited longest, at first after BlockTime: from the spool a segment at a time, from
	// memory a block.
	DropOldest // drop-oldest
	// Block makes reading wait for as long as it takes.
	Block // block
	numPolicies
)

// ParsePolicy parses drop-newest, drop-oldest or block.
func ParsePolicy(s string) (Policy, error) { return conf.ParseEnum("policy", s, numPolicies) }

// Delivery says what has to have happened to a line before it counts as sent. Until then it is kept, and sent again if the
// connection ends.
type Delivery uint8

// The levels of delivery.
const (
	// Sent: the daemon's socket has taken the line. What the daemon has not sent when its process dies is lost.
	Sent Delivery = iota + 1 // sent
	// Ordered: every daemon of the ring has the line. This is known when a Safe message that was sent after it has come back.
	Ordered // ordered
	// Written: log hosts have acknowledged that the line is in their files (docs/spec/log-protocol.md). While no log host is
	// subscribed, lines are sent, and kept.
	Written // written
)

// ParseDelivery parses sent, ordered or written.
func ParseDelivery(s string) (Delivery, error) {
	for _, d := range []Delivery{Sent, Ordered, Written} {
		if d.String() == s {
			return d, nil
		}
	}
	return 0, fmt.Errorf("unknown delivery %q (want sent, ordered or written)", s)
}

// checkDelivery checks when lines are forgotten.
func (c *Config) checkDelivery() error {
	switch {
	case c.Delivery > Written:
		return fmt.Errorf("unknown %v (want Sent, Ordered or Written)", c.Delivery)
	case c.Delivery == Written && c.Plain:
		return errors.New("delivery written needs envelopes: remove plain, or set delivery to sent or ordered")
	case c.Acks < 0 || c.Acks > MaxAcks:
		return fmt.Errorf("invalid number of log hosts %d (want 1 to %d)", c.Acks, MaxAcks)
	case c.Acks > 0 && (c.Plain || c.Delivery != 0 && c.Delivery != Written):
		return errors.New("acks needs delivery written: remove acks, or set delivery to written")
	}
	return nil
}

// withDefaults checks the configuration and fills in the defaults.
func (c Config) withDefaults() (Config, error) {
	if err := c.checkTarget(); err != nil {
		return c, fmt.Errorf("logpub: %w", err)
	}
	if err := c.checkDelivery(); err != nil {
		return c, fmt.Errorf("logpub: %w", err)
	}
	c.Groups = slices.Clone(c.Groups)
	if c.Publisher == "" {
		c.Publisher = hostPublisher()
	}
	if err := (&logline.Form{VHost: c.VHost, Word: c.VHostWord}).Check(); err != nil {
		return c, fmt.Errorf("logpub: %w", err)
	}
	most, err := c.maxLine(c.Groups, c.Route)
	if err != nil {
		return c, fmt.Errorf("logpub: %w", err)
	}
	switch {
	case c.QueueBytes < 0:
		return c, fmt.Errorf("logpub: invalid queue size of %d bytes (want more than 0)", c.QueueBytes)
	case c.SpoolBytes != 0 && c.SpoolBytes < MinSpoolBytes:
		return c, fmt.Errorf("logpub: spool of %d bytes is too small (want at least %d)", c.SpoolBytes, MinSpoolBytes)
	case c.Policy >= numPolicies:
		return c, fmt.Errorf("logpub: unknown %v (want DropNewest, DropOldest or Block)", c.Policy)
	case c.MaxLine != 0 && (c.MaxLine < 2 || c.MaxLine > most):
		return c, fmt.Errorf("logpub: invalid longest line of %d bytes (want 2 to %d)", c.MaxLine, most)
	}
	if c.Address == "" {
		c.Address = DefaultAddress
	}
	if c.Name == "" {
		name := "lp" + strconv.Itoa(os.Getpid())
		c.Name = name[:min(len(name), maxName)]
	}
	c.setMessages()
	if c.QueueBytes == 0 {
		c.QueueBytes = DefaultQueueBytes
	}
	if c.SpoolBytes == 0 {
		c.SpoolBytes = DefaultSpoolBytes
	}
	if c.SpoolAfter == 0 {
		c.SpoolAfter = DefaultSpoolAfter
	}
	if c.BlockTime == 0 {
		c.BlockTime = DefaultBlockTime
	}
	if c.MaxLine == 0 {
		c.MaxLine = most
	}
	if c.StallTime == 0 {
		c.StallTime = DefaultStallTime
	}
	if c.ReturnInterval == 0 {
		c.ReturnInterval = DefaultReturnInterval
	}
	if c.DrainTimeout == 0 {
		c.DrainTimeout = DefaultDrainTimeout
	}
	c.DrainTimeout = max(0, c.DrainTimeout)
	if c.StatsInterval == 0 {
		c.StatsInterval = DefaultStatsInterval
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// setMessages fills in the defaults that Plain changes.
func (c *Config) setMessages() {
	delivery, service, batch := Ordered, spread.Agreed, DefaultBatchBytes
	switch {
	case c.Plain:
		delivery, service, batch = Sent, spread.Reliable, -1
	case c.Spool != "" || c.Acks > 0:
		delivery = Written
	}
	c.Acks = max(1, c.Acks)
	c.Delivery = cmp.Or(c.Delivery, delivery)
	c.Service = cmp.Or(c.Service, service)
	c.BatchBytes = cmp.Or(c.BatchBytes, batch)
}

// checkTarget checks everything that would make every message fail.
func (c *Config) checkTarget() error {
	if _, err := spread.ParseAddress(c.Address); err != nil {
		return err
	}
	for _, a := range c.Fallbacks {
		if _, err := spread.ParseAddress(a); err != nil {
			return err
		}
	}
	if c.Publisher != "" {
		if err := envelope.CheckPublisher(c.Publisher); err != nil {
			return err
		}
	}
	if len(c.Name) > maxName || c.Name != "" && spread.CheckGroup(c.Name) != nil {
		return fmt.Errorf("invalid private name %q (want 1 to %d bytes from '$' to '~')", c.Name, maxName)
	}
	switch c.Service {
	case 0, spread.Unreliable, spread.Reliable, spread.FIFO, spread.Causal, spread.Agreed, spread.Safe:
		return nil
	default:
		return fmt.Errorf("unknown service %v (want unreliable, reliable, fifo, causal, agreed or safe)", c.Service)
	}
}

// maxLine checks where lines go, and returns how long they may be.
func (c *Config) maxLine(groups []string, r *Route) (int, error) {
	most := len(groups)
	var err error
	if r == nil {
		err = checkGroups(groups)
	} else {
		with := *r
		if with.Default == nil {
			with.Default = groups
		}
		most, err = with.check()
	}
	if err != nil {
		return 0, err
	}
	n := spread.MaxPayload(most)
	if !c.Plain {
		n -= envelope.Len(c.Publisher)
	}
	return n, nil
}

// checkGroups checks the groups of a message.
func checkGroups(groups []string) error {
	switch n := len(groups); {
	case n == 0:
		return errors.New("no group to publish to: set groups")
	case n > spread.MaxGroups:
		return fmt.Errorf("too many groups: %d; a message goes to at most %d", n, spread.MaxGroups)
	}
	for _, g := range groups {
		if err := spread.CheckGroup(g); err != nil {
			return err
		}
	}
	return nil
}

// hostPublisher returns the host's name, or "logpub" if a publisher cannot have that name.
func hostPublisher() string {
	name, err := os.Hostname()
	if err != nil || envelope.CheckPublisher(name) != nil {
		return "logpub"
	}
	return name
}
