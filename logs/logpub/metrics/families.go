package metrics

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spreadd/spreadd/internal/prom"
	"github.com/spreadd/spreadd/logs/logpub"
)

// New returns the metrics of a program.
func New(s *Source) prometheus.Collector {
	return prom.NewCollector(s.snapshot, families())
}

// family is one metric of a publisher.
type family = prom.Family[snapshot]

// families lists what is served, in the order of docs/operate/metrics.md.
func families() []family {
	return slices.Concat(
		[]family{prom.BuildInfo[snapshot]("logpub")},
		lineFamilies(), waitingFamilies(), daemonFamilies(), inputFamilies(), groupFamilies(), configFamilies(),
	)
}

func lineFamilies() []family {
	return []family{
		prom.Counter("logpub_received_lines_total", "lines",
			"Lines that were read, from all inputs.",
			func(s *snapshot) int64 { return s.Took }),
		prom.Counter("logpub_received_bytes_total", "bytes",
			"Bytes of these lines, newlines included.",
			func(s *snapshot) int64 { return s.TookBytes }),
		prom.Counter("logpub_sent_lines_total", "lines",
			"Lines that the kernel has taken for a daemon, or, with confirm, that all daemons of the ring have.",
			func(s *snapshot) int64 { return s.Sent }),
		prom.Counter("logpub_sent_bytes_total", "bytes",
			"Bytes of these lines, newlines included and envelopes not.",
			func(s *snapshot) int64 { return s.Bytes }),
		prom.Counters("logpub_dropped_lines_total", "lines", "reason",
			"Lines that were not sent and never will be, by reason; drain are those for which the time to stop was too short.",
			prom.ByReason(func(s *snapshot) map[string]int64 { return s.Dropped })),
		prom.Counters("logpub_dropped_bytes_total", "bytes", "reason",
			"Bytes of these lines, by reason; for those that were dropped from the spool with what that had added.",
			prom.ByReason(func(s *snapshot) map[string]int64 { return s.DroppedBytes })),
		prom.Counter("logpub_spooled_lines_total", "lines",
			"Lines that were written to the spool, be they sent from there or from memory.",
			func(s *snapshot) int64 { return s.Spooled }),
		prom.Counter("logpub_spooled_bytes_total", "bytes",
			"Bytes of these lines, newlines included.",
			func(s *snapshot) int64 { return s.SpooledBytes }),
		prom.Counter("logpub_recovered_lines_total", "lines",
			"Lines that were found in the spool at the start or later, left there by a process before.",
			func(s *snapshot) int64 { return s.Recovered }),
		prom.Counter("logpub_abandoned_lines_total", "lines",
			"Lines in a spool that could not be read and was left for later; they are recovered when it can be read.",
			func(s *snapshot) int64 { return s.Abandoned }),
		prom.Counter("logpub_truncated_lines_total", "lines",
			"Lines that were too long, and cut.",
			func(s *snapshot) int64 { return s.Truncated }),
		prom.Counter("logpub_resent_lines_total", "lines",
			"Lines that were sent again, since a session had ended before it was known to have sent them; they may have arrived twice.",
			func(s *snapshot) int64 { return s.Resent }),
		prom.Counter("logpub_rejected_lines_total", "lines",
			"Lines that were sent and that the daemon returned, since its policy does not allow them.",
			func(s *snapshot) int64 { return s.Rejected }),
	}
}

func waitingFamilies() []family {
	return []family{
		prom.Gauge("logpub_lag_seconds", "seconds",
			"How long ago the oldest line came that is not sent, also if a process before took it; 0 if none waits.",
			func(s *snapshot) float64 { return s.Lag.Seconds() }),
		prom.Gauge("logpub_waiting_lines", "lines",
			"Lines in memory and in the spool that are not sent.",
			func(s *snapshot) int64 { return s.Waiting }),
		prom.Gauge("logpub_queue_bytes", "bytes",
			"Memory that lines take, those included that are in the spool as well.",
			func(s *snapshot) int64 { return s.QueueBytes }),
		prom.Gauge("logpub_queue_limit_bytes", "bytes",
			"How much that may be.",
			func(s *snapshot) int64 { return s.QueueLimit }),
		prom.Gauge("logpub_unconfirmed_blocks", "blocks",
			"Blocks of lines on their way through the ring, with confirm; 64 is the bound.",
			func(s *snapshot) int { return s.Unconfirmed }),
		prom.Gauge("logpub_spool_lines", "lines",
			"Lines in the spool that are not sent.",
			func(s *snapshot) int64 { return s.SpoolLines }),
		prom.Gauge("logpub_spool_bytes", "bytes",
			"Size of the spool's files.",
			func(s *snapshot) int64 { return s.SpoolBytes }),
		prom.Gauge("logpub_spool_limit_bytes", "bytes",
			"How large they may become; 0 without a spool.",
			func(s *snapshot) int64 { return s.SpoolLimit }),
		prom.Gauge("logpub_spool_segments", "files",
			"Files of the spool.",
			func(s *snapshot) int { return s.SpoolSegments }),
		prom.Flag("logpub_spool_failing",
			"1 if there is to be a spool and it cannot be used, else 0.",
			func(s *snapshot) bool { return s.SpoolFailing }),
		prom.Counter("logpub_spool_errors_total", "errors",
			"Failures of the spool's disk.",
			func(s *snapshot) int64 { return s.SpoolErrors }),
		prom.Counter("logpub_spool_damages_total", "places",
			"Places in the spool that were damaged, ends included that a crash had torn.",
			func(s *snapshot) int64 { return s.SpoolDamaged }),
	}
}

func daemonFamilies() []family {
	each := func(value func(*logpub.DaemonStats) float64) func(*snapshot, prom.Put) {
		return func(s *snapshot, put prom.Put) {
			for i := range s.Daemons {
				put(value(&s.Daemons[i]), s.Daemons[i].Address)
			}
		}
	}
	return []family{
		prom.Gauges("logpub_connected", prom.UnitFlag, "daemon",
			"1 for the daemon that lines are sent to now, else 0.",
			each(func(d *logpub.DaemonStats) float64 { return prom.Truth(d.Connected) })),
		prom.Counters("logpub_connects_total", "sessions", "daemon",
			"Sessions with a daemon that were opened; one is normal.",
			each(func(d *logpub.DaemonStats) float64 { return float64(d.Connects) })),
		prom.Counters("logpub_connect_failures_total", "attempts", "daemon",
			"Attempts to open a session that failed, those to return to the first daemon included.",
			each(func(d *logpub.DaemonStats) float64 { return float64(d.Failures) })),
		prom.Counters("logpub_disconnects_total", "sessions", "reason",
			"Sessions that have ended, by reason: lost, stalled since the daemon took nothing for too long, return to the first daemon.",
			prom.ByReason(func(s *snapshot) map[string]int64 { return s.Ends })),
	}
}

// eachInput is a family with a series for each input for which value has one.
func eachInput(value func(*logpub.InputStats) (n int64, ok bool)) func(*snapshot, prom.Put) {
	return func(s *snapshot, put prom.Put) {
		for i := range s.Inputs {
			if n, ok := value(&s.Inputs[i]); ok {
				put(float64(n), s.Inputs[i].Name)
			}
		}
	}
}

func inputFamilies() []family {
	all := func(value func(*logpub.InputStats) int64) func(*snapshot, prom.Put) {
		return eachInput(func(in *logpub.InputStats) (int64, bool) { return value(in), true })
	}
	return append([]family{
		prom.Counters("logpub_input_lines_total", "lines", "input",
			"Lines that were read, by input.",
			all(func(in *logpub.InputStats) int64 { return in.Lines })),
		prom.Counters("logpub_input_bytes_total", "bytes", "input",
			"Bytes of these lines, newlines included.",
			all(func(in *logpub.InputStats) int64 { return in.Bytes })),
		prom.Counters("logpub_input_truncated_lines_total", "lines", "input",
			"Lines that were too long for a message, and cut, by input.",
			all(func(in *logpub.InputStats) int64 { return in.Truncated })),
	}, append(fileFamilies(), syslogFamilies()...)...)
}

func fileFamilies() []family {
	file := func(value func(*logpub.InputStats) int64) func(*snapshot, prom.Put) {
		return eachInput(func(in *logpub.InputStats) (int64, bool) {
			if in.File == nil {
				return 0, false
			}
			return value(in), true
		})
	}
	return []family{
		prom.Gauges("logpub_file_position_bytes", "bytes", "input",
			"Up to where the file at the path has been read.",
			file(func(in *logpub.InputStats) int64 { return in.File.Position })),
		prom.Gauges("logpub_file_safe_bytes", "bytes", "input",
			"Up to where it will not be read again after a restart.",
			file(func(in *logpub.InputStats) int64 { return in.File.Safe })),
		prom.Gauges("logpub_file_behind_bytes", "bytes", "input",
			"What was not read yet, of this file and of those before it that are still followed.",
			file(func(in *logpub.InputStats) int64 { return in.File.Behind })),
		prom.Gauges("logpub_file_followed_files", "files", "input",
			"Files that are followed: that at the path, and those that rotation has moved away lately.",
			file(func(in *logpub.InputStats) int64 { return int64(in.File.Files) })),
		prom.Counters("logpub_file_rotations_total", "files", "input",
			"Times that the file was rotated by renaming it.",
			file(func(in *logpub.InputStats) int64 { return in.File.Rotations })),
		prom.Counters("logpub_file_truncations_total", "files", "input",
			"Times that the file was truncated, as copy-truncate does.",
			file(func(in *logpub.InputStats) int64 { return in.File.Truncations })),
		prom.Counters("logpub_file_losses_total", "files", "input",
			"Files that were gone before it was certain that all of them had been read.",
			file(func(in *logpub.InputStats) int64 { return in.File.Losses })),
		prom.Counters("logpub_file_errors_total", "errors", "input",
			"Failures to open or read the file, or to read or write its position.",
			file(func(in *logpub.InputStats) int64 { return in.File.Errors })),
	}
}

func syslogFamilies() []family {
	socket := func(value func(*logpub.InputStats) int64) func(*snapshot, prom.Put) {
		return eachInput(func(in *logpub.InputStats) (int64, bool) {
			if in.Syslog == nil {
				return 0, false
			}
			return value(in), true
		})
	}
	return []family{
		prom.Counters("logpub_syslog_messages_total", "messages", "input",
			"Syslog messages that were received, datagrams or parts of a stream.",
			socket(func(in *logpub.InputStats) int64 { return in.Syslog.Messages })),
		prom.Counters("logpub_syslog_bytes_total", "bytes", "input",
			"Bytes of these messages, their heads included.",
			socket(func(in *logpub.InputStats) int64 { return in.Syslog.Bytes })),
		prom.Counters("logpub_syslog_truncated_messages_total", "messages", "input",
			"Messages beyond 64 KiB, which were cut.",
			socket(func(in *logpub.InputStats) int64 { return in.Syslog.Truncated })),
		prom.Counters("logpub_syslog_kernel_drops_total", "messages", "input",
			"Datagrams for which the kernel's buffer had no room; 0 where the system does not tell.",
			socket(func(in *logpub.InputStats) int64 { return in.Syslog.KernelDrops })),
		prom.Gauges("logpub_syslog_connections", "connections", "input",
			"Connections to a stream socket.",
			socket(func(in *logpub.InputStats) int64 { return int64(in.Syslog.Connections) })),
		prom.Counters("logpub_syslog_connections_refused_total", "connections", "input",
			"Connections that were closed at once, since there were 1000.",
			socket(func(in *logpub.InputStats) int64 { return in.Syslog.Refused })),
		prom.Counters("logpub_syslog_accept_errors_total", "errors", "input",
			"Connections that the system could not hand over, for instance for lack of file descriptors.",
			socket(func(in *logpub.InputStats) int64 { return in.Syslog.AcceptErrors })),
	}
}

func groupFamilies() []family {
	each := func(value func(*logpub.GroupStats) int64) func(*snapshot, prom.Put) {
		return func(s *snapshot, put prom.Put) {
			for i := range s.Groups {
				g := &s.Groups[i]
				name := g.Groups
				if name == logpub.OtherGroups {
					name = prom.Other
				}
				put(float64(value(g)), name)
			}
		}
	}
	return []family{
		prom.Counters("logpub_group_lines_total", "lines", "group",
			"Lines by the group that they go to, or the groups with spaces between; the first 100 have series of their own, what goes elsewhere is in other.",
			each(func(g *logpub.GroupStats) int64 { return g.Lines })),
		prom.Counters("logpub_group_bytes_total", "bytes", "group",
			"Bytes of these lines, newlines included.",
			each(func(g *logpub.GroupStats) int64 { return g.Bytes })),
		prom.Counter("logpub_group_overflows_total", "names",
			"Names in lines that were not given groups of their own, since there were as many as there may be; a name may be counted again.",
			func(s *snapshot) int64 { return s.Overflow }),
	}
}

func configFamilies() []family {
	return []family{
		prom.Counter("logpub_config_loads_total", "configurations",
			"Configurations that were put to use; one is normal, and one more for each SIGHUP.",
			func(s *snapshot) int64 { return s.loads }),
		prom.Counter("logpub_config_failures_total", "configurations",
			"Configurations that were read on SIGHUP and not put to use, since they were not in order.",
			func(s *snapshot) int64 { return s.failed }),
		prom.Gauge("logpub_config_load_timestamp_seconds", "seconds",
			"When the present configuration was put to use, in seconds since 1970.",
			func(s *snapshot) float64 { return float64(s.loaded.UnixMilli()) / 1000 }),
	}
}
