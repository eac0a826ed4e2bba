// Package logmon watches the traffic of a web farm live. It joins the groups that access logs are
// sent to and adds up what arrives (package traffic). It succeeds mls_mon. Command logmon runs it;
// logmon/screen shows it on a terminal, logmon/web in a browser, logmon/metrics to Prometheus.
//
// # How it runs
//
//	daemon ──▶ receiver ──▶ queue (bounded) ──▶ counter ──▶ traffic ──▶ View ──▶ screen, web, metrics
//
// The receiver only reads, with a [spread.Client]. The counter locks the traffic for 256 messages
// at a time, so that views do not wait.
//
// # What it guarantees
//
//   - Publishers never wait for it. Messages that it cannot count in time are dropped, and the
//     drops are counted ([State.Dropped]).
//   - A message to several of its groups is counted once, for the first of them in the message's
//     list.
//   - When a connection ends, it connects to the next daemon, and retries every 50 ms at first and
//     every 5 s at most.
//   - Text in views is safe to write to a terminal.
//
// # What it does not guarantee
//
// Messages sent while it is not connected are not counted; with envelopes they count as missing. It
// sends nothing, and forgets everything when it ends.
//
// # Limits
//
// The queue holds [Config.QueueBytes], 32 MiB by default. Package traffic has limits of its own.
//
// # How to debug
//
// [View] has the state of the connection with the last error. The log records each change.
//
// # References
//
// docs/spec/mod_log_spread.md, docs/spec/spreadlogd.md §18.
package logmon
