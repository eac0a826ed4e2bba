package logpub

import (
	"cmp"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/logs/internal/input/syslog"
	"github.com/spreadd/spreadd/logs/internal/input/tail"
	"github.com/spreadd/spreadd/logs/internal/queue"
	"github.com/spreadd/spreadd/spread"
)

// MaxGroupStats is how many lists of groups have counters of their own: those in the configuration, then the first ones that
// lines have named.
const MaxGroupStats = 100

// OtherGroups is the name under which the lines of all other groups are counted. No group has it.
const OtherGroups = "other groups"

// Stats are a publisher's counters, which only grow, and its present state.
type Stats struct {
	Took      int64 // lines read
	TookBytes int64 // of these, with their newlines
	Sent      int64 // lines that the kernel has for the daemon
	Bytes     int64 // of these, with their newlines
	Truncated int64 // lines cut to MaxLine; they count as sent or dropped as well
	Resent    int64 // lines sent again because a session ended before they were flushed
	Rejected  int64 // lines sent that the daemon rejected by its access policy
	Connects  int64 // sessions opened
	Acks      int64 // acknowledgments of log hosts, with Written
	Asks      int64 // questions to log hosts, with Written
	// Overflow counts names in lines that got no group of their own because a Route had MaxTargets already. A name may be
	// counted again.
	Overflow int64
	// Recovered are lines of earlier processes that were found in the spool.
	Recovered int64
	// Abandoned are lines in a spool that could not be read and was left for later. They are recovered when it can be
	// read.
	Abandoned int64
	// Spooled are lines written to the spool, whether they are sent from memory or from there.
	Spooled, SpooledBytes int64
	// SpoolErrors are failures of the disk, SpoolDamaged damaged places in the spool, torn ends included.
	SpoolErrors, SpoolDamaged int64
	// Dropped are lines that were not sent, by reason: "queue_full", "drain" (not sent when the time to stop was over; some of
	// these may have arrived), "spool_full", "group_full" (no log host acknowledges lines of these groups, and they have their share of the spool) and
	// "spool_damaged". DroppedBytes are their bytes; those of lines in the spool
	// include its overhead.
	Dropped, DroppedBytes map[string]int64
	// Ends are sessions that ended before Run did, by reason: "lost", "stalled" (the daemon accepted nothing for StallTime)
	// and "return" (the first daemon is back).
	Ends map[string]int64

	Daemons []DaemonStats // in the order of Address and Fallbacks
	Inputs  []InputStats  // in their order, from the beginning of Run on
	Groups  []GroupStats  // in the order of first use; OtherGroups last, if it has lines

	Gauges
}

// Gauges are a publisher's present state.
type Gauges struct {
	Publisher string // its name in envelopes; empty with Plain
	Delivery  Delivery
	Session   string // the private group of the connection; empty without one
	// Late means that the spool's disk did not answer in time: what the queue and the spool have is as of an earlier answer.
	Late bool
	// Waiting are lines in memory or in the spool that are not sent. Lines in flight are among them. After Run it includes
	// those that come again from their files.
	Waiting int64
	// Lag is how long ago the oldest of these was read, by this process or an earlier one. It is 0 if none waits.
	Lag time.Duration
	// QueueBytes is the memory that lines take, of QueueLimit.
	QueueBytes, QueueLimit int64
	Unconfirmed            int // blocks on their way through the ring, with Ordered, or to log hosts, with Written
	// Unsubscribed is how many of Groups nobody has joined, with Sent and Ordered. Their lines are lost.
	Unsubscribed int
	// Unheard are lines for groups in which no log host has acknowledged any for receipts.SilentAfter, with Written.
	Unheard int64
	// SpoolLines and SpoolBytes are what is in the spool, including lines that are acknowledged behind others that are not, and files
	// that are about to be removed. SpoolLimit is 0 without a spool.
	SpoolLines, SpoolBytes, SpoolLimit int64
	SpoolSegments                      int
	// SpoolFailing means that a spool is configured and cannot be used.
	SpoolFailing bool
}

// DaemonStats are the state and counters of one daemon.
type DaemonStats = spread.DaemonStatus

// InputStats are those of one input.
type InputStats struct {
	Name      string
	Path      string // of a file
	Lines     int64  // taken
	Bytes     int64
	Truncated int64
	File      *tail.Stats   // nil if it is not a file
	Syslog    *syslog.Stats // nil if it is not a socket
}

// GroupStats are those of the lines that go to a group, or to each of several.
type GroupStats struct {
	Groups string // names with spaces between
	Lines  int64  // read for it, including those that were dropped later
	Bytes  int64
	Sent   int64 // passed to a daemon for the first time, including those that an earlier process had read
	// Waiting are lines that are not done with, and Oldest is the time when the first of those in memory was read. Of what is only
	// in the spool, Waiting has the lines that wait there for a log host.
	Waiting int64
	Oldest  time.Time
	// LogHosts are those that have acknowledged lines, with Written.
	LogHosts []LogHost
	// Unsubscribed means that nobody has joined the groups, with Sent and Ordered.
	Unsubscribed bool
	// Silent means that no log host has acknowledged any for receipts.SilentAfter.
	Silent bool
	// Dropped are lines that were lost because lines for these groups, which no log host acknowledges, have more than their share
	// of the spool.
	Dropped int64
}

// LogHost is a log host that acknowledges lines.
type LogHost struct {
	Name string
	Last time.Time // when it did so last
}

// Stats returns the counters. It may be called at any time. When nothing moves, Took and Recovered
// together are the sum of Sent, Dropped, Waiting and Abandoned; after Run what waits is in the spool or in files.
func (p *Publisher) Stats() Stats {
	st := Stats{Dropped: make(map[string]int64), DroppedBytes: make(map[string]int64), Ends: make(map[string]int64)}
	// The counters that a line reaches last are read first, so that no sum exceeds Took.
	asked, fresh := p.asked.Ask(askTime, p.askQueue)
	q := asked.stats
	for _, why := range []queue.DropReason{queue.DropQueue, queue.DropEnd, queue.DropSpool, queue.DropShare, queue.DropDamage} {
		st.Dropped[dropName(why)] = q.Dropped[why.String()]
		st.DroppedBytes[dropName(why)] = q.DroppedBytes[why.String()]
	}
	for i := range numEnds {
		st.Ends[i.String()] = p.sender.ends[i].Load()
	}
	st.Sent, st.Bytes = q.Delivered, q.DeliveredBytes
	st.Truncated = p.count.truncated.Load()
	st.Resent = p.count.resent.Load()
	st.Rejected = p.count.rejected.Load()
	st.Acks, st.Asks = p.count.acks.Load(), p.count.asks.Load()
	st.Overflow = p.count.overflow.Load()
	st.Spooled, st.SpooledBytes = q.Spooled, q.SpooledBytes
	st.Abandoned, st.Recovered = q.Abandoned, q.Recovered
	st.SpoolErrors, st.SpoolDamaged = q.Errors, q.Damaged
	st.Gauges = p.gauges(&asked)
	st.Late = !fresh
	st.Daemons = p.sender.client.Daemons()
	for _, d := range st.Daemons {
		st.Connects += d.Connects
	}
	p.targetsMu.Lock()
	groups, intakes := slices.Clone(p.groups), p.intakes
	p.targetsMu.Unlock()
	st.Groups = groupStats(append(groups, &p.otherGroups))
	for i := range st.Groups {
		h := asked.held[st.Groups[i].Groups]
		st.Groups[i].Unsubscribed = p.audience.isLonely(st.Groups[i].Groups)
		st.Groups[i].Waiting, st.Groups[i].Oldest = h.Lines, h.Oldest
	}
	p.sender.book.report(st.Groups)
	for _, in := range intakes {
		st.Inputs = append(st.Inputs, in.stats())
	}
	st.TookBytes = p.count.tookBytes.Load()
	st.Took = p.count.took.Load()
	return st
}

// askTime is how long the counters wait for the spool, whose disk may hang.
const askTime = time.Second / 2

// askedQueue is what the queue says, which may have to wait for its spool.
type askedQueue struct {
	stats  queue.Stats
	oldest time.Time
	held   map[string]queue.Held
}

func (p *Publisher) askQueue() askedQueue {
	return askedQueue{p.queue.Stats(), p.queue.Oldest(), p.queue.Held()}
}

// Unsent returns how many lines wait. Unlike Stats it does not wait for the spool.
func (p *Publisher) Unsent() int64 { return p.count.took.Load() - p.queue.Gone() }

// gauges returns what there is at the moment.
func (p *Publisher) gauges(asked *askedQueue) Gauges {
	q := &asked.stats
	g := Gauges{
		Publisher: p.cfg.Publisher, Delivery: p.cfg.Delivery, Session: p.sender.client.PrivateGroup(),
		Waiting: q.Waiting, QueueBytes: q.WaitingBytes, QueueLimit: int64(p.cfg.QueueBytes),
		SpoolLines: q.SpoolLines, SpoolBytes: q.SpoolBytes, SpoolSegments: q.SpoolSegments, SpoolFailing: q.SpoolFailing,
	}
	if born := asked.oldest; !born.IsZero() && g.Waiting > 0 {
		g.Lag = max(0, time.Since(born)) // the clock of a process before us may have been ahead
	}
	switch p.cfg.Delivery {
	case Sent:
	case Ordered:
		g.Unconfirmed = q.InFlight
	case Written:
		g.Unconfirmed, g.Unheard = p.sender.unacknowledged()
	}
	g.Unsubscribed = p.audience.count()
	if p.cfg.Plain {
		g.Publisher = ""
	}
	if p.cfg.Spool != "" {
		g.SpoolLimit = p.cfg.SpoolBytes
	}
	return g
}

// groupCount counts the lines of a destination, or of several.
type groupCount struct {
	name         string
	lines, bytes atomic.Int64
	sent         atomic.Int64
	dropped      atomic.Int64
	reported     int64 // of dropped; of report
}

func (c *groupCount) add(lines, bytes int) {
	c.lines.Add(int64(lines))
	c.bytes.Add(int64(bytes))
}

// groupStats reads counters, and leaves out the last one if it has counted nothing.
func groupStats(counts []*groupCount) []GroupStats {
	var all []GroupStats
	for _, c := range counts {
		if c.name != "" || c.lines.Load()+c.sent.Load() > 0 {
			all = append(all, GroupStats{Groups: cmp.Or(c.name, OtherGroups), Lines: c.lines.Load(), Bytes: c.bytes.Load(), Sent: c.sent.Load(), Dropped: c.dropped.Load()})
		}
	}
	return all
}

// stats returns the counters of an input.
func (in *Intake) stats() InputStats {
	st := InputStats{Name: in.name(), Lines: in.lines.Load(), Bytes: in.bytes.Load(), Truncated: in.truncated.Load()}
	switch s := in.input.Source.(type) {
	case *File:
		f := s.f.Stats()
		st.File, st.Path = &f, s.cfg.Path
	case *Syslog:
		x := s.server.Stats()
		st.Syslog = &x
	}
	return st
}

// name returns the name of an input, for people: that of its source if it has none of its own.
func (in *Intake) name() string {
	if s, ok := in.input.Source.(fmt.Stringer); ok && in.input.Name == "" {
		return s.String()
	}
	return in.input.Name
}

// Add adds the counters of a publisher that came before, in the same process. What there is at the moment stays as
// it is, and so do the lists of daemons and inputs: of those that are no more only the sums tell.
func (s *Stats) Add(o *Stats) {
	for _, n := range []struct {
		to   *int64
		more int64
	}{
		{&s.Took, o.Took},
		{&s.TookBytes, o.TookBytes},
		{&s.Sent, o.Sent},
		{&s.Bytes, o.Bytes},
		{&s.Truncated, o.Truncated},
		{&s.Resent, o.Resent},
		{&s.Rejected, o.Rejected},
		{&s.Connects, o.Connects},
		{&s.Acks, o.Acks},
		{&s.Asks, o.Asks},
		{&s.Overflow, o.Overflow},
		{&s.Recovered, o.Recovered},
		{&s.Abandoned, o.Abandoned},
		{&s.Spooled, o.Spooled},
		{&s.SpooledBytes, o.SpooledBytes},
		{&s.SpoolErrors, o.SpoolErrors},
		{&s.SpoolDamaged, o.SpoolDamaged},
	} {
		*n.to += n.more
	}
	for _, m := range []struct{ to, more map[string]int64 }{{s.Dropped, o.Dropped}, {s.DroppedBytes, o.DroppedBytes}, {s.Ends, o.Ends}} {
		for name, n := range m.more {
			m.to[name] += n
		}
	}
	for _, d := range o.Daemons {
		i := slices.IndexFunc(s.Daemons, func(x DaemonStats) bool { return x.Address == d.Address })
		if i >= 0 {
			s.Daemons[i].Connects += d.Connects
			s.Daemons[i].Failures += d.Failures
		}
	}
	s.addInputs(o.Inputs)
	s.addGroups(o.Groups)
}

// addInputs adds those of inputs that came before.
func (s *Stats) addInputs(before []InputStats) {
	for _, in := range before {
		i := slices.IndexFunc(s.Inputs, func(x InputStats) bool { return x.Name == in.Name })
		if i < 0 {
			continue
		}
		to := &s.Inputs[i]
		to.Lines += in.Lines
		to.Bytes += in.Bytes
		to.Truncated += in.Truncated
		if to.File != nil && in.File != nil {
			to.File.Add(in.File)
		}
		if to.Syslog != nil && in.Syslog != nil {
			to.Syslog.Add(in.Syslog)
		}
	}
}

// addGroups adds those of a publisher before. Its groups come first, so that a group that has counters of its own keeps
// them.
func (s *Stats) addGroups(before []GroupStats) {
	var all []GroupStats
	other := GroupStats{Groups: OtherGroups}
	for i, g := range slices.Concat(before, s.Groups) {
		to := &other
		if g.Groups != OtherGroups {
			at := slices.IndexFunc(all, func(x GroupStats) bool { return x.Groups == g.Groups })
			if at < 0 && len(all) < MaxGroupStats {
				at = len(all)
				all = append(all, GroupStats{Groups: g.Groups})
			}
			if at >= 0 {
				to = &all[at]
			}
		}
		to.Lines += g.Lines
		to.Bytes += g.Bytes
		to.Sent += g.Sent
		if i >= len(before) { // of the present one
			to.Waiting, to.Oldest, to.LogHosts, to.Silent = g.Waiting, g.Oldest, g.LogHosts, g.Silent
		}
		to.Dropped += g.Dropped
	}
	if s.Groups = all; other.Lines+other.Sent > 0 {
		s.Groups = append(s.Groups, other)
	}
}
