package logsub

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/spreadd/spreadd/logs/internal/queue"
	"github.com/spreadd/spreadd/logs/internal/sink"
	"github.com/spreadd/spreadd/logs/internal/sink/archive"
	"github.com/spreadd/spreadd/logs/internal/sink/perlsink"
	"github.com/spreadd/spreadd/logs/internal/sink/sqlsink"
)

// dropReason says why a message was not written.
type dropReason uint8

const (
	dropQueue    dropReason = iota // the queue is full
	dropTooLong                    // longer than BufferSize
	dropNoLog                      // private, or of groups that nothing is written for
	dropNoMatch                    // none of a log's patterns matches; once for each log
	dropFiltered                   // by a filter, on purpose; the same
	dropSample                     // not of the sample, on purpose; the same
	dropRepeat                     // a line that has come before, by its envelope
	dropEnvelope                   // an envelope that cannot be read
	dropRefused                    // a database does not take the line
	numDropReasons
)

// String returns a short name, fit for a label.
func (d dropReason) String() string {
	switch d {
	case dropQueue:
		return "queue_full"
	case dropTooLong:
		return "too_long"
	case dropNoLog:
		return "no_log"
	case dropNoMatch:
		return "no_match"
	case dropFiltered:
		return "filtered"
	case dropSample:
		return "not_in_sample"
	case dropRepeat:
		return "repeat"
	case dropEnvelope:
		return "bad_envelope"
	case dropRefused:
		return "refused"
	case numDropReasons:
	}
	return fmt.Sprintf("dropReason(%d)", uint8(d))
}

type counters struct {
	messages, bytes, truncated, connects, reopens atomic.Int64

	dropped, droppedBytes [numDropReasons]atomic.Int64
}

func (s *Subscriber) drop(why dropReason, n int) { s.count.dropped[why].Add(int64(n)) }

// dropMessage counts a message of a size in bytes.
func (s *Subscriber) dropMessage(why dropReason, size int) {
	s.drop(why, 1)
	s.count.droppedBytes[why].Add(int64(size))
}

// Stats are a subscriber's counters, which only grow.
type Stats struct {
	Messages  int64 // received
	Bytes     int64 // of their payloads
	Truncated int64
	Connects  int64 // sessions opened
	Reopens   int64
	// Dropped are messages that were not written, by reason: "queue_full",
	// "too_long", "no_log", "bad_envelope", "refused" by a database, those of [queue.Stats]; and on purpose, "repeat", for lines that have come
	// before, and once for each log: "no_match", "filtered", "not_in_sample".
	Dropped map[string]int64
	// DroppedBytes are those of these messages, but for those that a log leaves out on purpose, and those that
	// wait for commands and the like.
	DroppedBytes map[string]int64
	// Queues are those that queues lost, by sink: "files" for all files, and each
	// command and table.
	Queues map[string]int64
	// Backlogs are what waits for commands and tables, by sink. Their losses are part of Dropped and Queues.
	Backlogs map[string]queue.Stats
	// Databases are the counters of tables, by sink.
	Databases map[string]sqlsink.Stats
	// Files are the files' own counters, by path, and those of commands and tables, by sink.
	Files map[string]sink.Stats
	// Closed is the sum of those of files of templates that were closed.
	Closed sink.Stats
	// Publishers are those whose lines have envelopes, by name; beyond 1000 they
	// are counted together as OtherPublishers.
	Publishers map[string]PublisherStats
	// Archives are those of closed files.
	Archives archive.Stats
	// Perl are those of Perl functions.
	Perl perlsink.Stats

	Daemons []DaemonStats // in the order of the configuration, those without logs left out
	Logs    []LogStats    // the same
	Sinks   []SinkStats   // "files" is the first
}

// Stats returns the counters. It may be called at any time.
func (s *Subscriber) Stats() Stats {
	st := Stats{
		Messages:  s.count.messages.Load(),
		Bytes:     s.count.bytes.Load(),
		Truncated: s.count.truncated.Load(),
		Connects:  s.count.connects.Load(),
		Reopens:   s.count.reopens.Load(),
		Dropped:   make(map[string]int64),

		DroppedBytes: make(map[string]int64),
	}
	st.Publishers = make(map[string]PublisherStats)
	for _, r := range s.receivers {
		r.publishers.add(st.Publishers)
	}
	st.Files, st.Queues = make(map[string]sink.Stats), make(map[string]int64)
	st.Backlogs, st.Databases = make(map[string]queue.Stats), make(map[string]sqlsink.Stats)
	for i := range s.count.dropped {
		st.Dropped[dropReason(i).String()] = s.count.dropped[i].Load()
		st.DroppedBytes[dropReason(i).String()] = s.count.droppedBytes[i].Load()
	}
	for _, w := range s.writers {
		w.files.stats(st.Files, &st.Closed)
		st.Queues[w.name] = w.dropped.Load()
		if w.lane != nil {
			b := w.lane.queue.Stats()
			st.Files[w.name], st.Backlogs[w.name] = w.lane.sink.Stats(), b
			st.Queues[w.name] += b.Lost()
			if db, ok := w.lane.sink.(databaseSink); ok {
				d := db.Sink.Stats()
				st.Databases[w.name] = d
				st.Dropped[dropRefused.String()] += d.Refused
			}
			for reason, n := range b.Dropped {
				st.Dropped[reason] += n
			}
		}
	}
	for _, w := range s.writers {
		for _, k := range w.files.keepers {
			if k.archiver != nil {
				st.Archives.Add(k.archiver.Stats())
			}
		}
	}
	for _, r := range s.receivers {
		st.Daemons = append(st.Daemons, r.stats())
	}
	for _, r := range s.routes {
		st.Logs = append(st.Logs, r.stats())
	}
	for _, w := range s.writers {
		st.Sinks = append(st.Sinks, w.stats())
	}
	st.Perl = s.perlStats()
	return st
}

// attrs are the counters for a line of the log.
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
	var missing int64
	for _, p := range st.Publishers {
		missing += p.Missing - p.Late
	}
	if missing > 0 {
		args = append(args, slog.Int64("missing", missing))
	}
	lines, lost := st.Closed.Records, st.Closed.DroppedRecords
	for _, f := range st.Files {
		lines += f.Records
		lost += f.DroppedRecords
	}
	args = append(args, slog.Int64("written", lines))
	if lost > 0 {
		args = append(args, slog.Int64("lost_by_files", lost))
	}
	if st.Perl.Starts > 0 {
		args = append(args, perlAttrs(&st.Perl)...)
	}
	if a := st.Archives; a != (archive.Stats{}) {
		args = append(args, slog.Int64("compressed", a.Compressed), slog.Int64("removed", a.Removed), slog.Int64("archive_errors", a.Errors))
	}
	return args
}
