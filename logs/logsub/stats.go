package logsub

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/logs/internal/logline"
	"github.com/spreadd/spreadd/logs/internal/sink"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/archive"
	"github.com/spreadd/spreadd/logs/internal/sink/perlsink"
	"github.com/spreadd/spreadd/logs/internal/sink/sqlsink"
)

//go:generate go tool -modfile=../../.ci/tools/go.mod stringer -type=dropReason -linecomment

// dropReason says why a message was not written.
type dropReason uint8

const (
	// The list of a writer is full.
	dropQueue dropReason = iota // queue_full
	// Longer than BufferSize.
	dropTooLong // too_long
	// Private, or for groups without a log.
	dropNoLog // no_log
	// No pattern of a log matches; once for each log.
	dropNoMatch // no_match
	// By a filter, on purpose; once for each log.
	dropFiltered // filtered
	// Not in the sample, on purpose; once for each log.
	dropSample // not_in_sample
	// A duplicate, by its envelope.
	dropRepeat // repeat
	// An envelope that cannot be read.
	dropEnvelope // bad_envelope
	// A database rejects the line.
	dropRefused // refused
	numDropReasons
)

// Stats are the counters of a subscriber. They only grow, except those that say otherwise.
type Stats struct {
	Host      string // the name of this log host
	Messages  int64  // received
	Bytes     int64  // of their payloads
	Truncated int64
	Connects  int64 // sessions opened
	Reopens   int64
	Acks      int64 // acknowledgments sent
	// Dropped are messages that were not written, by reason: "queue_full", "too_long", "no_log",
	// "bad_envelope", "refused" by a database, and those of [queue.Stats]. On purpose: "repeat" for
	// duplicates, and once for each log "no_match", "filtered", "not_in_sample".
	Dropped map[string]int64
	// DroppedBytes are the bytes of these messages, except those that a log leaves out on purpose
	// and those of [queue.Stats].
	DroppedBytes map[string]int64
	// Publishers are those whose lines come in envelopes, by name; beyond 1000 they are counted
	// together as OtherPublishers.
	Publishers map[string]PublisherStats

	Daemons []DaemonStats // in the order of the configuration, without those that have no logs
	Logs    []LogStats    // the same
	Sinks   []SinkStats   // "files" is the first

	// Files are the counters of single files, by path.
	Files map[string]sink.Stats
	// Closed is the sum over the files of templates that were closed.
	Closed   sink.Stats
	Archives archive.Stats
	Perl     perlsink.Stats
	Heal     HealStats
	Lists    []ListStats // in the order of the configuration
	// Late means that a disk did not answer in time: what sinks and files have is as of an earlier answer.
	Late bool
}

// DaemonStats are the counters of one connection.
type DaemonStats struct {
	Address   string
	Session   string // the private group of the connection; empty without one
	Connects  int64  // sessions opened
	Failures  int64  // failed attempts, and sessions that ended before all groups were joined
	Connected bool
	Groups    int // to be joined
	Joined    int // of these, in this session
	Messages  int64
	Bytes     int64 // of their payloads
	// Last is when the latest message was received; zero if none was. Messages of one batch have
	// the same time.
	Last time.Time
}

// LogStats are the counters of one [Log].
type LogStats struct {
	Group string // or the groups_file
	File  string // the file as configured, or the label of another sink
	Lines int64  // passed to the sink
	Bytes int64  // of these, as written
	// NoMatch, Filtered and NotInSample are lines that were left out on purpose.
	NoMatch, Filtered, NotInSample int64
	// Untimed are lines without a readable time, where the path, a column or rewriting needs one.
	// They got the time of their receipt.
	Untimed int64
	// Newest is the time in the last line written, in seconds, and Delay how much later it was
	// written. Both are zero if no line had a readable time.
	Newest time.Time
	Delay  time.Duration
}

// SinkStats are the counters of one sink.
type SinkStats struct {
	// Name is "files", "perl", "|COMMAND", or the name of a table. Label is the same for metrics:
	// of a command it has only the first word.
	Name, Label string
	// QueueLines and QueueBytes are what waits for the writer, of at most QueueLimit bytes; each
	// line counts for 128 bytes more than it has.
	QueueLines             int
	QueueBytes, QueueLimit int64
	QueueDropped           int64 // lines that did not fit there
	QueueDroppedBytes      int64

	sink.Stats // behind the writer

	OpenFiles int   // files that hold a descriptor
	Evictions int64 // files that were closed to make room for another
	Cuts      int64 // files that became too large

	Database *sqlsink.Stats // nil for other sinks
}

// Lost returns how many lines were dropped because the sink was too slow.
func (s *SinkStats) Lost() int64 {
	n := s.QueueDropped
	if s.Queue != nil {
		n += s.Queue.Lost()
	}
	return n
}

// Sink returns the counters of the sink with a name; zero if there is none.
func (s Stats) Sink(name string) SinkStats {
	for i := range s.Sinks {
		if s.Sinks[i].Name == name {
			return s.Sinks[i]
		}
	}
	return SinkStats{}
}

// Stats returns the counters. It may be called at any time.
func (s *Subscriber) Stats() Stats {
	st := Stats{
		Host:      s.cfg.Host,
		Messages:  s.count.messages.Load(),
		Bytes:     s.count.bytes.Load(),
		Truncated: s.count.truncated.Load(),
		Connects:  s.count.connects.Load(),
		Reopens:   s.count.reopens.Load(),
		Acks:      s.count.acks.Load(),
		Dropped:   make(map[string]int64), DroppedBytes: make(map[string]int64), Publishers: make(map[string]PublisherStats),
	}
	for i := range s.count.dropped {
		st.Dropped[dropReason(i).String()] = s.count.dropped[i].Load()
		st.DroppedBytes[dropReason(i).String()] = s.count.droppedBytes[i].Load()
	}
	for _, r := range s.receivers {
		r.publishers.add(st.Publishers)
		st.Daemons = append(st.Daemons, r.stats())
	}
	for _, r := range s.routes {
		st.Logs = append(st.Logs, r.stats())
	}
	patience := askTime
	for _, w := range s.writers {
		k, fresh := w.asked.Ask(patience, w.stats)
		if !fresh {
			st.Late, patience = true, hurry
		}
		if k.Database != nil {
			st.Dropped[dropRefused.String()] += k.Database.Refused
		}
		if k.Queue != nil {
			for reason, n := range k.Queue.Dropped {
				st.Dropped[reason] += n
			}
		}
		st.Sinks = append(st.Sinks, k)
	}
	files, fresh := s.asked.Ask(patience, s.files.FileStats)
	st.Late = st.Late || !fresh
	st.Files, st.Closed, st.Archives = files.Files, files.Closed, files.Archives
	st.Heal = s.healer.stats()
	for _, l := range s.lists {
		st.Lists = append(st.Lists, l.stats())
	}
	if s.perl != nil {
		if p, ok := s.perl.queued.Deliverer.(*perlsink.Sink); ok {
			st.Perl = p.PerlStats()
		}
	}
	return st
}

// How long the counters wait for a disk, which may hang, and how long if one was late.
const (
	askTime = time.Second / 2
	hurry   = time.Millisecond
)

// attrs returns the counters for a log line.
func (s *Subscriber) attrs() []any {
	st := s.Stats()
	args := []any{
		slog.Int64("messages", st.Messages), slog.Int64("bytes", st.Bytes), slog.Int64("connects", st.Connects),
	}
	for _, reason := range slices.Sorted(maps.Keys(st.Dropped)) {
		if n := st.Dropped[reason]; n > 0 {
			args = append(args, slog.Int64("dropped_"+reason, n))
		}
	}
	var missing, written, altered, byCommands, untimed int64
	for _, p := range st.Publishers {
		missing += p.Missing - p.Late
	}
	if missing > 0 {
		args = append(args, slog.Int64("missing", missing))
	}
	for i := range st.Sinks {
		written += st.Sinks[i].Records
		altered += st.Sinks[i].Altered
		if strings.HasPrefix(st.Sinks[i].Name, "|") {
			byCommands += st.Sinks[i].DroppedRecords
		}
	}
	args = append(args, slog.Int64("written", written))
	for i := range st.Logs {
		untimed += st.Logs[i].Untimed
	}
	args = appendPositive(args, []counter{
		{"altered", altered},
		{"without_time", untimed},
		{"lost_by_files", st.Sinks[0].DroppedRecords},
		{"lost_by_commands", byCommands},
	})
	if st.Perl.Starts > 0 {
		args = append(args, perlAttrs(&st.Perl)...)
	}
	if a := st.Archives; a != (archive.Stats{}) {
		args = append(args, slog.Int64("compressed", a.Compressed), slog.Int64("removed", a.Removed), slog.Int64("archive_errors", a.Errors))
	}
	return args
}

// perlAttrs returns the counters of Perl that are not zero, for a log line.
func perlAttrs(st *perlsink.Stats) []any {
	return appendPositive([]any{slog.Int64("perl_calls", st.Returned+st.Died)}, []counter{
		{"perl_died", st.Died + st.DiedHup},
		{"perl_restarts", st.Starts - 1},
		{"perl_interrupted", st.Interrupted},
	})
}

// counter is a count with its key in the log.
type counter struct {
	key string
	n   int64
}

// appendPositive appends the counts that are not zero.
func appendPositive(args []any, counts []counter) []any {
	for _, c := range counts {
		if c.n > 0 {
			args = append(args, slog.Int64(c.key, c.n))
		}
	}
	return args
}

// counters are those of the whole subscriber.
type counters struct {
	messages, bytes, truncated, connects, reopens, acks atomic.Int64

	dropped, droppedBytes [numDropReasons]atomic.Int64
}

func (s *Subscriber) drop(why dropReason, n int) { s.count.dropped[why].Add(int64(n)) }

// dropMessage counts a message of a size in bytes.
func (s *Subscriber) dropMessage(why dropReason, size int) {
	s.drop(why, 1)
	s.count.droppedBytes[why].Add(int64(size))
}

// connCount are the counters of a connection.
type connCount struct {
	connects, failures, messages, bytes, last, groups, joined atomic.Int64

	connected atomic.Bool
}

// stats returns the counters of a connection.
func (r *receiver) stats() DaemonStats {
	c := &r.count
	st := DaemonStats{
		Address: r.address, Session: r.client.PrivateGroup(), Connects: c.connects.Load(), Failures: c.failures.Load(), Connected: c.connected.Load(),
		Groups: int(r.count.groups.Load()), Joined: int(c.joined.Load()), Messages: c.messages.Load(), Bytes: c.bytes.Load(),
	}
	if last := c.last.Load(); last != 0 {
		st.Last = time.Unix(0, last)
	}
	return st
}

// countReceived counts what has been received since the last call.
func (r *receiver) countReceived() {
	if r.messages == 0 {
		return
	}
	r.s.count.messages.Add(r.messages)
	r.s.count.bytes.Add(r.bytes)
	r.count.messages.Add(r.messages)
	r.count.bytes.Add(r.bytes)
	r.count.last.Store(r.now.UnixNano())
	r.messages, r.bytes = 0, 0
}

// routeCount are the counters of a route. Its writer adds to batch, and publishes that at the end
// of each batch of items.
type routeCount struct {
	batch struct {
		lines, bytes, noMatch, filtered, notInSample, untimed int64

		last    []byte // the last line written
		touched bool
	}
	lines, bytes, noMatch, filtered, notInSample, untimed atomic.Int64

	newest, delay atomic.Int64 // in seconds; newest is 0 if unknown
}

// stats returns the counters of a route.
func (r *route) stats() LogStats {
	c := &r.count
	st := LogStats{
		Group: cmp.Or(r.list, r.group), File: r.name,
		Lines: c.lines.Load(), Bytes: c.bytes.Load(),
		NoMatch: c.noMatch.Load(), Filtered: c.filtered.Load(), NotInSample: c.notInSample.Load(), Untimed: c.untimed.Load(),
	}
	if newest := c.newest.Load(); newest != 0 {
		st.Newest, st.Delay = time.Unix(newest, 0), time.Duration(c.delay.Load())*time.Second
	}
	return st
}

// touch notes that a route has something to count at the end of the batch.
func (w *writer) touch(r *route) {
	if !r.count.batch.touched {
		r.count.batch.touched = true
		w.touched = append(w.touched, r)
	}
}

// countBatch counts what the routes have done in a batch.
func (w *writer) countBatch(now time.Time) {
	for _, r := range w.touched {
		c := &r.count
		b := &c.batch
		if b.last != nil {
			if stamp := logline.FindTime(b.last); stamp.Found() {
				second := stamp.Unix(w.s.cfg.Zone)
				c.newest.Store(second)
				c.delay.Store(max(0, now.Unix()-second))
			}
		}
		c.lines.Add(b.lines)
		c.bytes.Add(b.bytes)
		c.untimed.Add(b.untimed)
		for _, left := range []struct {
			why dropReason
			to  *atomic.Int64
			n   int64
		}{
			{dropNoMatch, &c.noMatch, b.noMatch}, {dropFiltered, &c.filtered, b.filtered}, {dropSample, &c.notInSample, b.notInSample},
		} {
			if left.n > 0 {
				left.to.Add(left.n)
				w.s.drop(left.why, int(left.n))
			}
		}
		b.lines, b.bytes, b.noMatch, b.filtered, b.notInSample, b.untimed, b.last, b.touched = 0, 0, 0, 0, 0, 0, nil, false
	}
	w.touched = w.touched[:0]
}

// stats returns the counters of a sink.
func (w *writer) stats() SinkStats {
	lines, bytes := w.queue.Waiting()
	st := SinkStats{
		Name: w.name, Label: w.label, QueueLines: lines, QueueBytes: int64(bytes), QueueLimit: int64(w.queue.Limit()),
		QueueDropped: w.dropped.Load(), QueueDroppedBytes: w.droppedBytes.Load(),
		Stats: w.sink.Stats(),
	}
	switch to := w.sink.(type) {
	case *filesink.Files:
		f := to.FileStats()
		st.OpenFiles, st.Evictions, st.Cuts = f.Open, f.Evictions, f.Cuts
	case *sink.Queued:
		if db, ok := to.Deliverer.(*sqlsink.Sink); ok {
			d := db.SQLStats()
			st.Database = &d
		}
	}
	return st
}

// sinkLabel names a sink for metrics. Of a command it takes the first word, because the rest may be
// secret; sinks with the same word get numbers.
func (s *Subscriber) sinkLabel(name string) string {
	if text, command := strings.CutPrefix(name, "|"); command {
		name = "|"
		if words := strings.Fields(text); len(words) > 0 {
			name += words[0]
		}
	}
	unique := name
	for i := 2; slices.ContainsFunc(s.writers, func(w *writer) bool { return w.label == unique }); i++ {
		unique = fmt.Sprintf("%s#%d", name, i)
	}
	return unique
}
