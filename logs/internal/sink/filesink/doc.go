// Package filesink is the sink of all log files: it finds the file of each line by the template of
// its log, writes it, and decides when files are cut, closed, compressed and removed.
//
//	Outlet (one per log) ──▶ tree: template and names ──▶ file ──▶ logfile.File ──▶ the file
//	                                                       └▶ keeper: cut by size, period over ──▶ archive.Archiver
//
// # Guarantees
//
//   - Each file is open once, whatever number of logs and links lead to it.
//   - A file with one path is opened at the start and stays open, so that its lock keeps a second
//     logsub out. Files of templates are opened for their first line. At most [Config.OpenFiles] of
//     them hold a descriptor; the one that was not written for the longest time is closed first.
//   - A log with an index ([Log.Index]) writes a line with an envelope once, also over a restart
//     (package lineindex).
//   - Names that lines bring never leave the directory of their template (package logpath).
//   - While files cannot be written, their lines wait in memory: up to [Config.LimitBytes] for all
//     of them.
//
// # Limits
//
// An idle file is closed after 10 minutes. A file that is cut becomes FILE.000001 to FILE.999999.
package filesink
