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

// New returns the metrics of a subscriber. It calls stats at each scrape.
func New(stats func() logsub.Stats) prometheus.Collector {
	return prom.NewCollector(stats, families())
}

type family = prom.Family[logsub.Stats]

// families lists what is served, in the order of docs/operate/metrics.md.
func families() []family {
	return slices.Concat(
		[]family{prom.BuildInfo[logsub.Stats]("logsub")},
		messageFamilies(), daemonFamilies(), publisherFamilies(), logFamilies(), sinkFamilies(), backlogFamilies(), fileFamilies(), healFamilies(),
	)
}

// unix returns a time in seconds since 1970; 0 for no time.
func unix(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

func messageFamilies() []family {
	return []family{
		prom.Counter("logsub_received_messages_total", "messages",
			"Messages received from all daemons.",
			func(s *logsub.Stats) int64 { return s.Messages }),
		prom.Counter("logsub_received_bytes_total", "bytes",
			"Bytes of these messages, including envelopes.",
			func(s *logsub.Stats) int64 { return s.Bytes }),
		prom.Counters("logsub_dropped_messages_total", "messages", "reason",
			"Messages or lines not written, by reason; filtered, no_match, not_in_sample and repeat are intended.",
			prom.ByReason(func(s *logsub.Stats) map[string]int64 { return s.Dropped })),
		prom.Counters("logsub_dropped_bytes_total", "bytes", "reason",
			"Bytes of these, by reason; not counted for lines that a log skips by its configuration.",
			prom.ByReason(func(s *logsub.Stats) map[string]int64 { return s.DroppedBytes })),
		prom.Counter("logsub_truncated_messages_total", "messages",
			"Messages truncated because they were too long.",
			func(s *logsub.Stats) int64 { return s.Truncated }),
		prom.Counter("logsub_reopens_total", "reopens",
			"Reopenings of all files by a signal.",
			func(s *logsub.Stats) int64 { return s.Reopens }),
		prom.Counter("logsub_acknowledgments_total", "messages",
			"Acknowledgments sent to publishers, each for the lines of some 10 ms.",
			func(s *logsub.Stats) int64 { return s.Acks }),
	}
}

func daemonFamilies() []family {
	each := prom.Each[float64](func(s *logsub.Stats) []logsub.DaemonStats { return s.Daemons },
		func(d *logsub.DaemonStats) []string { return []string{d.Address} })
	return []family{
		prom.Gauges("logsub_connected", prom.UnitFlag, "daemon",
			"1 if connected to a daemon, otherwise 0.",
			each(func(d *logsub.DaemonStats) float64 { return prom.Truth(d.Connected) })),
		prom.Gauges("logsub_groups", "groups", "daemon",
			"Groups configured at a daemon.",
			each(func(d *logsub.DaemonStats) float64 { return float64(d.Groups) })),
		prom.Gauges("logsub_joined_groups", "groups", "daemon",
			"Groups joined at a daemon.",
			each(func(d *logsub.DaemonStats) float64 { return float64(d.Joined) })),
		prom.Gauges("logsub_groups_file_failing", prom.UnitFlag, "file",
			"1 if a groups_file cannot be read or has mistakes, otherwise 0.",
			prom.Each[float64](func(s *logsub.Stats) []logsub.ListStats { return s.Lists },
				func(l *logsub.ListStats) []string { return []string{l.File} })(func(l *logsub.ListStats) float64 { return prom.Truth(l.Problem != "") })),
		prom.Counters("logsub_connects_total", "sessions", "daemon",
			"Connections opened to a daemon; one is normal.",
			each(func(d *logsub.DaemonStats) float64 { return float64(d.Connects) })),
		prom.Counters("logsub_connect_failures_total", "attempts", "daemon",
			"Failed attempts to connect, and connections that ended before all groups were joined.",
			each(func(d *logsub.DaemonStats) float64 { return float64(d.Failures) })),
		prom.Counters("logsub_daemon_messages_total", "messages", "daemon",
			"Messages received from a daemon.",
			each(func(d *logsub.DaemonStats) float64 { return float64(d.Messages) })),
		prom.Counters("logsub_daemon_bytes_total", "bytes", "daemon",
			"Bytes of these messages, including envelopes.",
			each(func(d *logsub.DaemonStats) float64 { return float64(d.Bytes) })),
		prom.Gauges("logsub_last_message_timestamp_seconds", "seconds", "daemon",
			"Time of the last message from a daemon, in seconds since 1970; 0 if there was none.",
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
			"Lines of a publisher that uses envelopes, without duplicates; the first 1000 publishers, the rest as other.",
			each(func(p logsub.PublisherStats) int64 { return p.Lines })),
		prom.Counters("logsub_publisher_repeated_lines_total", "lines", "publisher",
			"Duplicate lines of a publisher, dropped.",
			each(func(p logsub.PublisherStats) int64 { return p.Repeats })),
		prom.Counters("logsub_publisher_missing_lines_total", "lines", "publisher",
			"Lines of a publisher missing from its sequence numbers.",
			each(func(p logsub.PublisherStats) int64 { return p.Missing })),
		prom.Counters("logsub_publisher_late_lines_total", "lines", "publisher",
			"Lines that arrived after they were counted as missing.",
			each(func(p logsub.PublisherStats) int64 { return p.Late })),
		prom.Counters("logsub_publisher_conflicting_lines_total", "lines", "publisher",
			"Lines written although another line has their number, or the number is too far ahead.",
			each(func(p logsub.PublisherStats) int64 { return p.Conflicts })),
	}
}

func logFamilies() []family {
	each := prom.Each[int64](func(s *logsub.Stats) []logsub.LogStats { return s.Logs },
		func(l *logsub.LogStats) []string { return []string{l.Group, l.File} })
	// Of several logs with the same file and group, the latest time counts, not the sum.
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
			"Lines that a log passed to its sink.",
			each(func(l *logsub.LogStats) int64 { return l.Lines })),
		prom.Counters("logsub_log_bytes_total", "bytes", "group file",
			"Bytes of these lines, as written.",
			each(func(l *logsub.LogStats) int64 { return l.Bytes })),
		prom.Counters("logsub_log_left_out_lines_total", "lines", "group file reason",
			"Lines that a log skipped by its configuration, by reason: no pattern matched, filtered, or not in the sample.",
			func(s *logsub.Stats, put prom.Put) {
				for i := range s.Logs {
					l := &s.Logs[i]
					put(float64(l.NoMatch), l.Group, l.File, "no_match")
					put(float64(l.Filtered), l.Group, l.File, "filtered")
					put(float64(l.NotInSample), l.Group, l.File, "not_in_sample")
				}
			}),
		prom.Counters("logsub_log_lines_without_time_total", "lines", "group file",
			"Lines without a readable time in a log that needs one; they got the time of their receipt.",
			each(func(l *logsub.LogStats) int64 { return l.Untimed })),
		prom.Gauges("logsub_log_line_timestamp_seconds", "seconds", "group file",
			"Timestamp of the last line written, in seconds since 1970; 0 if no line had one.",
			latest(func(l *logsub.LogStats) float64 { return unix(l.Newest) })),
		prom.Gauges("logsub_log_delay_seconds", "seconds", "group file",
			"Delay between the timestamp of the last line written and the time it was written.",
			latest(func(l *logsub.LogStats) float64 { return l.Delay.Seconds() })),
	}
}

func sinkEach(value func(*logsub.SinkStats) int64) func(*logsub.Stats, prom.Put) {
	return prom.Each[int64](func(s *logsub.Stats) []logsub.SinkStats { return s.Sinks },
		func(k *logsub.SinkStats) []string { return []string{k.Label} })(value)
}

func sinkFamilies() []family {
	return []family{
		prom.Gauges("logsub_sink_queue_lines", "lines", "sink",
			"Lines waiting for a sink: all files together, a command, or a table of a database.",
			sinkEach(func(k *logsub.SinkStats) int64 { return int64(k.QueueLines) })),
		prom.Gauges("logsub_sink_queue_bytes", "bytes", "sink",
			"Memory of these lines, with 128 bytes of overhead for each.",
			sinkEach(func(k *logsub.SinkStats) int64 { return k.QueueBytes })),
		prom.Gauges("logsub_sink_queue_limit_bytes", "bytes", "sink",
			"Configured limit of logsub_sink_queue_bytes.",
			sinkEach(func(k *logsub.SinkStats) int64 { return k.QueueLimit })),
		prom.Counters("logsub_sink_dropped_lines_total", "lines", "sink",
			"Lines dropped because a sink's queue was full.",
			sinkEach(func(k *logsub.SinkStats) int64 { return k.QueueDropped })),
		prom.Counters("logsub_sink_dropped_bytes_total", "bytes", "sink",
			"Bytes of these lines.",
			sinkEach(func(k *logsub.SinkStats) int64 { return k.QueueDroppedBytes })),
		prom.Counters("logsub_sink_written_lines_total", "lines", "sink",
			"Lines written completely.",
			sinkEach(func(k *logsub.SinkStats) int64 { return k.Records })),
		prom.Counters("logsub_sink_written_bytes_total", "bytes", "sink",
			"Bytes written.",
			sinkEach(func(k *logsub.SinkStats) int64 { return k.Bytes })),
		prom.Gauges("logsub_sink_waiting_bytes", "bytes", "sink",
			"Bytes taken from the queue and not written yet, for instance because a disk is full.",
			sinkEach(func(k *logsub.SinkStats) int64 { return k.Waiting })),
		prom.Counters("logsub_sink_lost_lines_total", "lines", "sink",
			"Lines dropped behind the queue: a file could not be written for too long, a database rejected them, or a command did not read them.",
			sinkEach(func(k *logsub.SinkStats) int64 { return k.DroppedRecords })),
		prom.Counters("logsub_sink_lost_bytes_total", "bytes", "sink",
			"Bytes of these lines.",
			sinkEach(func(k *logsub.SinkStats) int64 { return k.DroppedBytes })),
		prom.Counters("logsub_sink_altered_lines_total", "lines", "sink",
			"Lines written with U+FFFD for each NUL and each byte that is not UTF-8, because a database cannot store these.",
			sinkEach(func(k *logsub.SinkStats) int64 { return k.Altered })),
		prom.Counters("logsub_sink_torn_lines_total", "lines", "sink",
			"Lines found torn at the end of a file, after a kill or a full disk, and ended or, with an index, removed.",
			sinkEach(func(k *logsub.SinkStats) int64 { return k.Torn })),
		prom.Counters("logsub_sink_errors_total", "errors", "sink",
			"Errors while opening or writing files, starting commands or reaching databases.",
			sinkEach(func(k *logsub.SinkStats) int64 { return k.Errors })),
		prom.Counters("logsub_sink_reopens_total", "files", "sink",
			"Files reopened, commands restarted and databases reconnected to.",
			sinkEach(func(k *logsub.SinkStats) int64 { return k.Reopens })),
	}
}

func backlogFamilies() []family {
	each := func(value func(*queue.Stats) int64) func(*logsub.Stats, prom.Put) {
		return prom.Each[int64](func(s *logsub.Stats) []logsub.SinkStats { return s.Sinks }, func(k *logsub.SinkStats) []string {
			if k.Queue == nil {
				return nil
			}
			return []string{k.Label}
		})(func(k *logsub.SinkStats) int64 { return value(k.Queue) })
	}
	return []family{
		prom.Counters("logsub_backlog_lines_total", "lines", "sink",
			"Lines put into the queue of a command, a table or a Perl function.",
			each(func(b *queue.Stats) int64 { return b.Put })),
		prom.Counters("logsub_backlog_delivered_lines_total", "lines", "sink",
			"Lines delivered from that queue.",
			each(func(b *queue.Stats) int64 { return b.Delivered })),
		prom.Counters("logsub_backlog_dropped_lines_total", "lines", "sink reason",
			"Lines dropped from that queue, by reason; also part of logsub_dropped_messages_total.",
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
			"Memory of the lines in that queue.",
			each(func(b *queue.Stats) int64 { return b.WaitingBytes })),
		prom.Counters("logsub_backlog_spooled_lines_total", "lines", "sink",
			"Lines written to the spool of that queue.",
			each(func(b *queue.Stats) int64 { return b.Spooled })),
		prom.Counters("logsub_backlog_recovered_lines_total", "lines", "sink",
			"Lines found in the spool at the start.",
			each(func(b *queue.Stats) int64 { return b.Recovered })),
		prom.Gauges("logsub_backlog_spool_lines", "lines", "sink",
			"Lines waiting in the spool.",
			each(func(b *queue.Stats) int64 { return b.SpoolLines })),
		prom.Gauges("logsub_backlog_spool_bytes", "bytes", "sink",
			"Size of the spool's files.",
			each(func(b *queue.Stats) int64 { return b.SpoolBytes })),
		prom.Counters("logsub_backlog_spool_errors_total", "errors", "sink",
			"Errors of the spool's disk.",
			each(func(b *queue.Stats) int64 { return b.Errors })),
	}
}

func fileFamilies() []family {
	return []family{
		prom.Gauges("logsub_sink_open_files", "files", "sink",
			"Open files.",
			sinkEach(func(k *logsub.SinkStats) int64 { return int64(k.OpenFiles) })),
		prom.Gauges("logsub_sink_failing_files", "files", "sink",
			"Files that cannot be written now, or a command that failed.",
			sinkEach(func(k *logsub.SinkStats) int64 { return int64(k.Failing) })),
		prom.Counters("logsub_sink_evicted_files_total", "files", "sink",
			"Files closed to open another one; many mean that open_files is too small.",
			sinkEach(func(k *logsub.SinkStats) int64 { return k.Evictions })),
		prom.Counters("logsub_sink_cut_files_total", "files", "sink",
			"Files rotated because of their size.",
			sinkEach(func(k *logsub.SinkStats) int64 { return k.Cuts })),
		prom.Counter("logsub_archive_compressed_files_total", "files",
			"Closed files compressed.",
			func(s *logsub.Stats) int64 { return s.Archives.Compressed }),
		prom.Counter("logsub_archive_removed_files_total", "files",
			"Closed files deleted because of keep_age or keep_count.",
			func(s *logsub.Stats) int64 { return s.Archives.Removed }),
		prom.Counter("logsub_archive_errors_total", "errors",
			"Errors while compressing or deleting closed files.",
			func(s *logsub.Stats) int64 { return s.Archives.Errors }),
	}
}

func healFamilies() []family {
	return []family{
		prom.Counter("logsub_healings_total", "healings",
			"Comparisons with another log host that ended with no line missing here.",
			func(s *logsub.Stats) int64 { return s.Heal.Healings }),
		prom.Counter("logsub_healed_lines_total", "lines",
			"Missing lines fetched from other log hosts.",
			func(s *logsub.Stats) int64 { return s.Heal.Lines }),
		prom.Counter("logsub_healed_bytes_total", "bytes",
			"Bytes of these lines.",
			func(s *logsub.Stats) int64 { return s.Heal.Bytes }),
		prom.Counter("logsub_healed_reordered_files_total", "files",
			"Log files put into the order of another log host.",
			func(s *logsub.Stats) int64 { return s.Heal.Reordered }),
		prom.Counters("logsub_healing_failures_total", "failures", "reason",
			"Failures to fetch missing lines from another log host, by reason.",
			prom.ByReason(func(s *logsub.Stats) map[string]int64 { return s.Heal.Failures })),
		prom.Counter("logsub_healing_sent_bytes_total", "bytes",
			"Bytes of log files and indexes sent to other log hosts.",
			func(s *logsub.Stats) int64 { return s.Heal.SentBytes }),
		prom.Counter("logsub_healing_refused_connections_total", "connections",
			"Connections refused because the address is no log host's, or because there are too many.",
			func(s *logsub.Stats) int64 { return s.Heal.RefusedConns }),
	}
}
