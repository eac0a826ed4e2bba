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
			"Lines read from all inputs.",
			func(s *snapshot) int64 { return s.Took }),
		prom.Counter("logpub_received_bytes_total", "bytes",
			"Bytes of these lines, including newlines.",
			func(s *snapshot) int64 { return s.TookBytes }),
		prom.Counter("logpub_sent_lines_total", "lines",
			"Lines done with, by delivery: given to a daemon, on all daemons of the ring, or written by log hosts.",
			func(s *snapshot) int64 { return s.Sent }),
		prom.Counter("logpub_sent_bytes_total", "bytes",
			"Bytes of these lines, including newlines, without envelopes.",
			func(s *snapshot) int64 { return s.Bytes }),
		prom.Counters("logpub_dropped_lines_total", "lines", "reason",
			"Lines dropped since start, by reason; drain counts lines left at the end of the drain time.",
			prom.ByReason(func(s *snapshot) map[string]int64 { return s.Dropped })),
		prom.Counters("logpub_dropped_bytes_total", "bytes", "reason",
			"Bytes of these lines, by reason; for lines dropped from the spool, including its overhead.",
			prom.ByReason(func(s *snapshot) map[string]int64 { return s.DroppedBytes })),
		prom.Counter("logpub_spooled_lines_total", "lines",
			"Lines written to the spool.",
			func(s *snapshot) int64 { return s.Spooled }),
		prom.Counter("logpub_spooled_bytes_total", "bytes",
			"Bytes of these lines, including newlines.",
			func(s *snapshot) int64 { return s.SpooledBytes }),
		prom.Counter("logpub_recovered_lines_total", "lines",
			"Lines found in the spool that an earlier process left.",
			func(s *snapshot) int64 { return s.Recovered }),
		prom.Counter("logpub_abandoned_lines_total", "lines",
			"Lines left in a spool that could not be read; they are recovered when it becomes readable.",
			func(s *snapshot) int64 { return s.Abandoned }),
		prom.Counter("logpub_truncated_lines_total", "lines",
			"Lines truncated because they were too long.",
			func(s *snapshot) int64 { return s.Truncated }),
		prom.Counter("logpub_resent_lines_total", "lines",
			"Lines sent again after a connection ended or because a log host lacks them; they may arrive twice.",
			func(s *snapshot) int64 { return s.Resent }),
		prom.Counter("logpub_acknowledgments_total", "messages",
			"Acknowledgments received from log hosts, with delivery written.",
			func(s *snapshot) int64 { return s.Acks }),
		prom.Counter("logpub_asks_total", "messages",
			"Questions to log hosts about lines that stayed unacknowledged, with delivery written.",
			func(s *snapshot) int64 { return s.Asks }),
		prom.Counter("logpub_rejected_lines_total", "lines",
			"Lines that the daemon rejected by its policy.",
			func(s *snapshot) int64 { return s.Rejected }),
	}
}

func waitingFamilies() []family {
	return []family{
		prom.Gauge("logpub_lag_seconds", "seconds",
			"Age of the oldest unsent line, even if an earlier process read it; 0 if none waits.",
			func(s *snapshot) float64 { return s.Lag.Seconds() }),
		prom.Gauge("logpub_waiting_lines", "lines",
			"Unsent lines in memory and in the spool.",
			func(s *snapshot) int64 { return s.Waiting }),
		prom.Gauge("logpub_queue_bytes", "bytes",
			"Memory in use for lines, including lines that are also in the spool.",
			func(s *snapshot) int64 { return s.QueueBytes }),
		prom.Gauge("logpub_queue_limit_bytes", "bytes",
			"Configured limit of logpub_queue_bytes.",
			func(s *snapshot) int64 { return s.QueueLimit }),
		prom.Gauge("logpub_unconfirmed_blocks", "blocks",
			"Blocks of lines sent and not confirmed yet by the ring or by log hosts that are there; at most 64.",
			func(s *snapshot) int { return s.Unconfirmed }),
		prom.Gauge("logpub_unheard_lines", "lines",
			"Lines for groups in which no log host has acknowledged any for three seconds; they wait for one.",
			func(s *snapshot) int64 { return s.Unheard }),
		prom.Gauge("logpub_unsubscribed_groups", "groups",
			"Lists of groups that lines are sent to and nobody has joined, with delivery ordered and sent; the lines are lost.",
			func(s *snapshot) int { return s.Unsubscribed }),
		prom.Gauge("logpub_spool_lines", "lines",
			"Unsent lines in the spool.",
			func(s *snapshot) int64 { return s.SpoolLines }),
		prom.Gauge("logpub_spool_bytes", "bytes",
			"Size of the spool's files.",
			func(s *snapshot) int64 { return s.SpoolBytes }),
		prom.Gauge("logpub_spool_limit_bytes", "bytes",
			"Configured limit of logpub_spool_bytes; 0 without a spool.",
			func(s *snapshot) int64 { return s.SpoolLimit }),
		prom.Gauge("logpub_spool_segments", "files",
			"Files of the spool.",
			func(s *snapshot) int { return s.SpoolSegments }),
		prom.Flag("logpub_spool_failing",
			"1 if a spool is configured and cannot be used, otherwise 0.",
			func(s *snapshot) bool { return s.SpoolFailing }),
		prom.Counter("logpub_spool_errors_total", "errors",
			"Errors of the spool's disk.",
			func(s *snapshot) int64 { return s.SpoolErrors }),
		prom.Counter("logpub_spool_damages_total", "places",
			"Damaged places found in the spool, including ends torn by a crash.",
			func(s *snapshot) int64 { return s.SpoolDamaged }),
	}
}

func daemonFamilies() []family {
	each := prom.Each[float64](func(s *snapshot) []logpub.DaemonStats { return s.Daemons },
		func(d *logpub.DaemonStats) []string { return []string{d.Address} })
	return []family{
		prom.Gauges("logpub_connected", prom.UnitFlag, "daemon",
			"1 for the daemon in use, otherwise 0.",
			each(func(d *logpub.DaemonStats) float64 { return prom.Truth(d.Connected) })),
		prom.Counters("logpub_connects_total", "sessions", "daemon",
			"Connections opened to a daemon; one is normal.",
			each(func(d *logpub.DaemonStats) float64 { return float64(d.Connects) })),
		prom.Counters("logpub_connect_failures_total", "attempts", "daemon",
			"Failed attempts to connect, including attempts to return to the first daemon.",
			each(func(d *logpub.DaemonStats) float64 { return float64(d.Failures) })),
		prom.Counters("logpub_disconnects_total", "sessions", "reason",
			"Connections ended, by reason: lost, stalled (the daemon accepted nothing for too long), or return to the first daemon.",
			prom.ByReason(func(s *snapshot) map[string]int64 { return s.Ends })),
	}
}

// eachInput puts a series for each input that the condition selects.
func eachInput(selects func(*logpub.InputStats) bool) func(func(*logpub.InputStats) int64) func(*snapshot, prom.Put) {
	return prom.Each[int64](func(s *snapshot) []logpub.InputStats { return s.Inputs }, func(in *logpub.InputStats) []string {
		if !selects(in) {
			return nil
		}
		return []string{in.Name}
	})
}

func inputFamilies() []family {
	all := eachInput(func(*logpub.InputStats) bool { return true })
	return append([]family{
		prom.Counters("logpub_input_lines_total", "lines", "input",
			"Lines read, by input.",
			all(func(in *logpub.InputStats) int64 { return in.Lines })),
		prom.Counters("logpub_input_bytes_total", "bytes", "input",
			"Bytes of these lines, including newlines.",
			all(func(in *logpub.InputStats) int64 { return in.Bytes })),
		prom.Counters("logpub_input_truncated_lines_total", "lines", "input",
			"Lines truncated because they were too long, by input.",
			all(func(in *logpub.InputStats) int64 { return in.Truncated })),
	}, append(fileFamilies(), syslogFamilies()...)...)
}

func fileFamilies() []family {
	file := eachInput(func(in *logpub.InputStats) bool { return in.File != nil })
	return []family{
		prom.Gauges("logpub_file_position_bytes", "bytes", "input",
			"Offset up to which the current file is read.",
			file(func(in *logpub.InputStats) int64 { return in.File.Position })),
		prom.Gauges("logpub_file_safe_bytes", "bytes", "input",
			"Offset from which reading continues after a restart.",
			file(func(in *logpub.InputStats) int64 { return in.File.Safe })),
		prom.Gauges("logpub_file_behind_bytes", "bytes", "input",
			"Bytes not read yet, of this file and of rotated files that are still followed and not compressed.",
			file(func(in *logpub.InputStats) int64 { return in.File.Behind })),
		prom.Gauges("logpub_file_followed_files", "files", "input",
			"Files followed: the one at the path and recently rotated ones.",
			file(func(in *logpub.InputStats) int64 { return int64(in.File.Files) })),
		prom.Counters("logpub_file_rotations_total", "files", "input",
			"Rotations of the file by renaming.",
			file(func(in *logpub.InputStats) int64 { return in.File.Rotations })),
		prom.Counters("logpub_file_truncations_total", "files", "input",
			"Truncations of the file, as by copy-truncate.",
			file(func(in *logpub.InputStats) int64 { return in.File.Truncations })),
		prom.Counters("logpub_file_losses_total", "files", "input",
			"Files whose lines were or may be lost: gone or unreadable before they were read to the end.",
			file(func(in *logpub.InputStats) int64 { return in.File.Losses })),
		prom.Counters("logpub_file_nul_bytes_total", "bytes", "input",
			"NUL bytes skipped in the file, as a power failure or copy-truncate leaves them.",
			file(func(in *logpub.InputStats) int64 { return in.File.NULs })),
		prom.Counters("logpub_file_errors_total", "errors", "input",
			"Errors while opening or reading the file, or while reading or writing its position.",
			file(func(in *logpub.InputStats) int64 { return in.File.Errors })),
	}
}

func syslogFamilies() []family {
	socket := eachInput(func(in *logpub.InputStats) bool { return in.Syslog != nil })
	return []family{
		prom.Counters("logpub_syslog_messages_total", "messages", "input",
			"Syslog messages received, as datagrams or in streams.",
			socket(func(in *logpub.InputStats) int64 { return in.Syslog.Messages })),
		prom.Counters("logpub_syslog_bytes_total", "bytes", "input",
			"Bytes of these messages, including headers.",
			socket(func(in *logpub.InputStats) int64 { return in.Syslog.Bytes })),
		prom.Counters("logpub_syslog_truncated_messages_total", "messages", "input",
			"Messages truncated to 64 KiB.",
			socket(func(in *logpub.InputStats) int64 { return in.Syslog.Truncated })),
		prom.Counters("logpub_syslog_framing_faults_total", "messages", "input reason",
			"Messages of streams that were framed wrongly, by reason.",
			func(s *snapshot, put prom.Put) {
				for i := range s.Inputs {
					if in := &s.Inputs[i]; in.Syslog != nil {
						f := &in.Syslog.Faults
						put(float64(f.WrongLength), in.Name, "wrong_length")
						put(float64(f.CutShort), in.Name, "cut_short")
						put(float64(f.Mixed), in.Name, "mixed")
					}
				}
			}),
		prom.Counters("logpub_syslog_skipped_bytes_total", "bytes", "input",
			"Bytes of streams that were dropped to find the next message.",
			socket(func(in *logpub.InputStats) int64 { return in.Syslog.Faults.Skipped })),
		prom.Counters("logpub_syslog_kernel_drops_total", "messages", "input",
			"Datagrams dropped by the kernel because its buffer was full; 0 where the system does not report it.",
			socket(func(in *logpub.InputStats) int64 { return in.Syslog.KernelDrops })),
		prom.Gauges("logpub_syslog_connections", "connections", "input",
			"Open connections to a stream socket.",
			socket(func(in *logpub.InputStats) int64 { return int64(in.Syslog.Connections) })),
		prom.Counters("logpub_syslog_connections_refused_total", "connections", "input",
			"Connections refused because 1000 were open.",
			socket(func(in *logpub.InputStats) int64 { return in.Syslog.Refused })),
		prom.Counters("logpub_syslog_accept_errors_total", "errors", "input",
			"Errors while accepting connections, for instance for lack of file descriptors.",
			socket(func(in *logpub.InputStats) int64 { return in.Syslog.AcceptErrors })),
	}
}

func groupFamilies() []family {
	each := prom.Each[int64](func(s *snapshot) []logpub.GroupStats { return s.Groups }, func(g *logpub.GroupStats) []string {
		if g.Groups == logpub.OtherGroups {
			return []string{prom.Other}
		}
		return []string{g.Groups}
	})
	return []family{
		prom.Counters("logpub_group_lines_total", "lines", "group",
			"Lines by destination: a group, or several separated by spaces; the first 100 destinations, the rest as other.",
			each(func(g *logpub.GroupStats) int64 { return g.Lines })),
		prom.Counters("logpub_group_bytes_total", "bytes", "group",
			"Bytes of these lines, including newlines.",
			each(func(g *logpub.GroupStats) int64 { return g.Bytes })),
		prom.Counters("logpub_group_dropped_lines_total", "lines", "group",
			"Of these, lines dropped because the group had its share of the spool and no log host acknowledged its lines.",
			each(func(g *logpub.GroupStats) int64 { return g.Dropped })),
		prom.Counter("logpub_group_overflows_total", "names",
			"Names in lines that got no group of their own because of the limit; a name may be counted repeatedly.",
			func(s *snapshot) int64 { return s.Overflow }),
	}
}

func configFamilies() []family {
	return []family{
		prom.Counter("logpub_config_loads_total", "configurations",
			"Configurations put into use: one at the start, and one per SIGHUP.",
			func(s *snapshot) int64 { return s.loads }),
		prom.Counter("logpub_config_failures_total", "configurations",
			"Configurations rejected on SIGHUP.",
			func(s *snapshot) int64 { return s.failed }),
		prom.Gauge("logpub_config_load_timestamp_seconds", "seconds",
			"Time when the current configuration was put into use, in seconds since 1970.",
			func(s *snapshot) float64 { return float64(s.loaded.UnixMilli()) / 1000 }),
	}
}
