package metrics

import (
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spreadd/spreadd/internal/prom"
	"github.com/spreadd/spreadd/logs/internal/queue"
	"github.com/spreadd/spreadd/logs/logsub"
)

// New returns the metrics of a subscriber, whose Stats it asks at each scrape.
func New(stats func() logsub.Stats) prometheus.Collector {
	return prom.NewCollector(stats, families())
}

// family is one metric of a subscriber.
type family = prom.Family[logsub.Stats]

// families lists what is served, in the order of docs/operate/metrics.md.
func families() []family {
	return slices.Concat(
		[]family{prom.BuildInfo[logsub.Stats]("logsub")},
		messageFamilies(), daemonFamilies(), publisherFamilies(), logFamilies(), sinkFamilies(), backlogFamilies(), fileFamilies(),
	)
}

// unix is a moment in seconds since 1970; 0 for none.
func unix(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

func messageFamilies() []family {
	return []family{
		prom.Counter("logsub_received_messages_total", "messages",
			"Messages that were received, from all daemons.",
			func(s *logsub.Stats) int64 { return s.Messages }),
		prom.Counter("logsub_received_bytes_total", "bytes",
			"Bytes of these messages, envelopes included.",
			func(s *logsub.Stats) int64 { return s.Bytes }),
		prom.Counters("logsub_dropped_messages_total", "messages", "reason",
			"Messages, or lines of them, that were not written, by reason; filtered, no_match and not_in_sample are on purpose, and so is repeat.",
			prom.ByReason(func(s *logsub.Stats) map[string]int64 { return s.Dropped })),
		prom.Counters("logsub_dropped_bytes_total", "bytes", "reason",
			"Bytes of these, by reason; of those that a log leaves out on purpose they are not counted.",
			prom.ByReason(func(s *logsub.Stats) map[string]int64 { return s.DroppedBytes })),
		prom.Counter("logsub_truncated_messages_total", "messages",
			"Messages that were too long, and cut.",
			func(s *logsub.Stats) int64 { return s.Truncated }),
		prom.Counter("logsub_reopens_total", "reopens",
			"Times that all files were closed and opened again on a signal.",
			func(s *logsub.Stats) int64 { return s.Reopens }),
	}
}

func daemonFamilies() []family {
	each := func(value func(*logsub.DaemonStats) float64) func(*logsub.Stats, prom.Put) {
		return func(s *logsub.Stats, put prom.Put) {
			for i := range s.Daemons {
				put(value(&s.Daemons[i]), s.Daemons[i].Address)
			}
		}
	}
	return []family{
		prom.Gauges("logsub_connected", prom.UnitFlag, "daemon",
			"1 if there is a session with a daemon, else 0.",
			each(func(d *logsub.DaemonStats) float64 { return prom.Truth(d.Connected) })),
		prom.Gauges("logsub_groups", "groups", "daemon",
			"Groups that are to be joined at a daemon.",
			each(func(d *logsub.DaemonStats) float64 { return float64(d.Groups) })),
		prom.Gauges("logsub_joined_groups", "groups", "daemon",
			"Groups that are joined there.",
			each(func(d *logsub.DaemonStats) float64 { return float64(d.Joined) })),
		prom.Counters("logsub_connects_total", "sessions", "daemon",
			"Sessions with a daemon that were opened; one is normal.",
			each(func(d *logsub.DaemonStats) float64 { return float64(d.Connects) })),
		prom.Counters("logsub_connect_failures_total", "attempts", "daemon",
			"Attempts to open a session that failed, and sessions that ended before all groups were joined.",
			each(func(d *logsub.DaemonStats) float64 { return float64(d.Failures) })),
		prom.Counters("logsub_daemon_messages_total", "messages", "daemon",
			"Messages that were received from a daemon.",
			each(func(d *logsub.DaemonStats) float64 { return float64(d.Messages) })),
		prom.Counters("logsub_daemon_bytes_total", "bytes", "daemon",
			"Bytes of these messages, envelopes included.",
			each(func(d *logsub.DaemonStats) float64 { return float64(d.Bytes) })),
		prom.Gauges("logsub_last_message_timestamp_seconds", "seconds", "daemon",
			"When the latest message of a daemon came, in seconds since 1970; 0 if none has.",
			each(func(d *logsub.DaemonStats) float64 { return unix(d.Last) })),
	}
}

func publisherFamilies() []family {
	each := func(value func(logsub.PublisherStats) int64) func(*logsub.Stats, prom.Put) {
		return func(s *logsub.Stats, put prom.Put) {
			for _, name := range slices.Sorted(maps.Keys(s.Publishers)) {
				label := name
				if name == logsub.OtherPublishers {
					label = prom.Other
				}
				put(float64(value(s.Publishers[name])), label)
			}
		}
	}
	return []family{
		prom.Counters("logsub_publisher_lines_total", "lines", "publisher",
			"Lines of a publisher that puts envelopes around them, each counted once; beyond 1000 publishers all further ones are other.",
			each(func(p logsub.PublisherStats) int64 { return p.Lines })),
		prom.Counters("logsub_publisher_repeated_lines_total", "lines", "publisher",
			"Lines of a publisher that had come before, and were dropped.",
			each(func(p logsub.PublisherStats) int64 { return p.Repeats })),
		prom.Counters("logsub_publisher_missing_lines_total", "lines", "publisher",
			"Lines of a publisher whose numbers were passed over.",
			each(func(p logsub.PublisherStats) int64 { return p.Missing })),
		prom.Counters("logsub_publisher_late_lines_total", "lines", "publisher",
			"Lines that had been counted as missing, and came after all.",
			each(func(p logsub.PublisherStats) int64 { return p.Late })),
	}
}

func logFamilies() []family {
	each := func(value func(*logsub.LogStats) float64) func(*logsub.Stats, prom.Put) {
		return func(s *logsub.Stats, put prom.Put) {
			for i := range s.Logs {
				l := &s.Logs[i]
				put(value(l), l.Group, l.File)
			}
		}
	}
	// Of logs for the same file and group the later time counts, and not the sum of both.
	latest := func(value func(*logsub.LogStats) float64) func(*logsub.Stats, prom.Put) {
		return func(s *logsub.Stats, put prom.Put) {
			for i := range s.Logs {
				l := &s.Logs[i]
				if !slices.ContainsFunc(s.Logs, func(o logsub.LogStats) bool {
					return o.Group == l.Group && o.File == l.File && o.Newest.After(l.Newest)
				}) && !slices.ContainsFunc(s.Logs[:i], func(o logsub.LogStats) bool {
					return o.Group == l.Group && o.File == l.File && o.Newest.Equal(l.Newest)
				}) {
					put(value(l), l.Group, l.File)
				}
			}
		}
	}
	return []family{
		prom.Counters("logsub_log_lines_total", "lines", "group file",
			"Lines that a log has passed on to its file or command.",
			each(func(l *logsub.LogStats) float64 { return float64(l.Lines) })),
		prom.Counters("logsub_log_bytes_total", "bytes", "group file",
			"Bytes of these lines, as they are written.",
			each(func(l *logsub.LogStats) float64 { return float64(l.Bytes) })),
		prom.Counters("logsub_log_left_out_lines_total", "lines", "group file reason",
			"Lines that a log has left out on purpose: none of its patterns matched, its filter dropped them, or they were not in its sample.",
			func(s *logsub.Stats, put prom.Put) {
				for i := range s.Logs {
					l := &s.Logs[i]
					put(float64(l.NoMatch), l.Group, l.File, "no_match")
					put(float64(l.Filtered), l.Group, l.File, "filtered")
					put(float64(l.NotInSample), l.Group, l.File, "not_in_sample")
				}
			}),
		prom.Gauges("logsub_log_line_timestamp_seconds", "seconds", "group file",
			"The time that the line bears which a log has written last, in seconds since 1970; 0 if no line had one.",
			latest(func(l *logsub.LogStats) float64 { return unix(l.Newest) })),
		prom.Gauges("logsub_log_delay_seconds", "seconds", "group file",
			"How long before it was written that was: the lag from the web server to here, as their clocks have it.",
			latest(func(l *logsub.LogStats) float64 { return l.Delay.Seconds() })),
	}
}

// sinkEach puts a value for each sink.
func sinkEach(value func(*logsub.SinkStats) int64) func(*logsub.Stats, prom.Put) {
	return func(s *logsub.Stats, put prom.Put) {
		for i := range s.Sinks {
			put(float64(value(&s.Sinks[i])), s.Sinks[i].Label)
		}
	}
}

func sinkFamilies() []family {
	return []family{
		prom.Gauges("logsub_sink_queue_lines", "lines", "sink",
			"Lines that wait for a sink: all files together, a command, or a table of a database.",
			sinkEach(func(k *logsub.SinkStats) int64 { return int64(k.QueueLines) })),
		prom.Gauges("logsub_sink_queue_bytes", "bytes", "sink",
			"Memory of these lines, each counted with 128 bytes more than it has.",
			sinkEach(func(k *logsub.SinkStats) int64 { return k.QueueBytes })),
		prom.Gauges("logsub_sink_queue_limit_bytes", "bytes", "sink",
			"How much that may be.",
			sinkEach(func(k *logsub.SinkStats) int64 { return k.QueueLimit })),
		prom.Counters("logsub_sink_dropped_lines_total", "lines", "sink",
			"Lines for which a sink's queue had no room.",
			sinkEach(func(k *logsub.SinkStats) int64 { return k.QueueDropped })),
		prom.Counters("logsub_sink_dropped_bytes_total", "bytes", "sink",
			"Bytes of these lines.",
			sinkEach(func(k *logsub.SinkStats) int64 { return k.QueueDroppedBytes })),
		prom.Counters("logsub_sink_written_lines_total", "lines", "sink",
			"Lines that were written as a whole.",
			sinkEach(func(k *logsub.SinkStats) int64 { return k.Records })),
		prom.Counters("logsub_sink_written_bytes_total", "bytes", "sink",
			"Bytes that were written.",
			sinkEach(func(k *logsub.SinkStats) int64 { return k.Bytes })),
		prom.Gauges("logsub_sink_waiting_bytes", "bytes", "sink",
			"Bytes behind the queue that could not be written yet, for instance since a disk is full.",
			sinkEach(func(k *logsub.SinkStats) int64 { return k.Waiting })),
		prom.Counters("logsub_sink_lost_lines_total", "lines", "sink",
			"Lines behind the queue for which there was no room while a file could not be written, or that a database refused.",
			sinkEach(func(k *logsub.SinkStats) int64 { return k.DroppedRecords })),
		prom.Counters("logsub_sink_lost_bytes_total", "bytes", "sink",
			"Bytes of these lines.",
			sinkEach(func(k *logsub.SinkStats) int64 { return k.DroppedBytes })),
		prom.Counters("logsub_sink_errors_total", "errors", "sink",
			"Attempts to open or write a file, to start a command, or to reach a database, that failed.",
			sinkEach(func(k *logsub.SinkStats) int64 { return k.Errors })),
		prom.Counters("logsub_sink_reopens_total", "files", "sink",
			"Files that were closed and opened again, commands that were started anew, and databases that were connected to again.",
			sinkEach(func(k *logsub.SinkStats) int64 { return k.Reopens })),
	}
}

func backlogFamilies() []family {
	each := func(value func(*queue.Stats) int64) func(*logsub.Stats, prom.Put) {
		return func(s *logsub.Stats, put prom.Put) {
			for i := range s.Sinks {
				if b := s.Sinks[i].Queue; b != nil {
					put(float64(value(b)), s.Sinks[i].Label)
				}
			}
		}
	}
	return []family{
		prom.Counters("logsub_backlog_lines_total", "lines", "sink",
			"Lines that came to the backlog of a command or the like, where they wait until it has taken them.",
			each(func(b *queue.Stats) int64 { return b.Put })),
		prom.Counters("logsub_backlog_delivered_lines_total", "lines", "sink",
			"Lines of a backlog that were taken.",
			each(func(b *queue.Stats) int64 { return b.Delivered })),
		prom.Counters("logsub_backlog_dropped_lines_total", "lines", "sink reason",
			"Lines of a backlog that were lost, by reason; they are part of logsub_dropped_messages_total.",
			func(s *logsub.Stats, put prom.Put) {
				for i := range s.Sinks {
					if b := s.Sinks[i].Queue; b != nil {
						for _, reason := range slices.Sorted(maps.Keys(b.Dropped)) {
							put(float64(b.Dropped[reason]), s.Sinks[i].Label, reason)
						}
					}
				}
			}),
		prom.Gauges("logsub_backlog_waiting_bytes", "bytes", "sink",
			"Memory of lines that wait in a queue.",
			each(func(b *queue.Stats) int64 { return b.WaitingBytes })),
		prom.Counters("logsub_backlog_spooled_lines_total", "lines", "sink",
			"Lines of a backlog that went to the disk.",
			each(func(b *queue.Stats) int64 { return b.Spooled })),
		prom.Counters("logsub_backlog_recovered_lines_total", "lines", "sink",
			"Lines that were found on the disk at the start.",
			each(func(b *queue.Stats) int64 { return b.Recovered })),
		prom.Gauges("logsub_backlog_spool_lines", "lines", "sink",
			"Lines of a backlog that wait on the disk.",
			each(func(b *queue.Stats) int64 { return b.SpoolLines })),
		prom.Gauges("logsub_backlog_spool_bytes", "bytes", "sink",
			"Size of its files there.",
			each(func(b *queue.Stats) int64 { return b.SpoolBytes })),
		prom.Counters("logsub_backlog_spool_errors_total", "errors", "sink",
			"Failures of the disk of a queue.",
			each(func(b *queue.Stats) int64 { return b.Errors })),
	}
}

func fileFamilies() []family {
	return []family{
		prom.Gauges("logsub_sink_open_files", "files", "sink",
			"Files that have a descriptor.",
			sinkEach(func(k *logsub.SinkStats) int64 { return int64(k.OpenFiles) })),
		prom.Gauges("logsub_sink_failing_files", "files", "sink",
			"Files that cannot be written at the moment, or a command that has failed.",
			sinkEach(func(k *logsub.SinkStats) int64 { return int64(k.Failing) })),
		prom.Counters("logsub_sink_evicted_files_total", "files", "sink",
			"Files that were closed to make room for another one's descriptor; many mean that open_files is too small.",
			sinkEach(func(k *logsub.SinkStats) int64 { return k.Evictions })),
		prom.Counters("logsub_sink_cut_files_total", "files", "sink",
			"Files that were cut since they had become too large.",
			sinkEach(func(k *logsub.SinkStats) int64 { return k.Cuts })),
		prom.Counter("logsub_archive_compressed_files_total", "files",
			"Closed files that were compressed.",
			func(s *logsub.Stats) int64 { return s.Archives.Compressed }),
		prom.Counter("logsub_archive_removed_files_total", "files",
			"Closed files that were removed, since they were old or too many.",
			func(s *logsub.Stats) int64 { return s.Archives.Removed }),
		prom.Counter("logsub_archive_errors_total", "errors",
			"Failures to compress or remove closed files.",
			func(s *logsub.Stats) int64 { return s.Archives.Errors }),
	}
}
