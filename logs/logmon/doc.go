// Package logmon looks at the traffic of a web farm while it happens: it joins the groups that
// access logs are sent to, and adds up what comes (package traffic). It is what mls_mon was, and more, as a
// package; cmd/logmon is the program. logmon/screen shows it on a terminal, logmon/web on a
// page, logmon/metrics to Prometheus.
//
// # How it runs
//
//	daemon ──▶ receiver ──▶ queue (bounded) ──▶ counter ──▶ traffic ──▶ View ──▶ screen, web, metrics
//
// The receiver does nothing but read. The counter holds the machine for 256 messages at a time, so that views
// do not wait.
//
// # What it guarantees
//
//   - Publishers do not wait for it: what it cannot count in time is dropped, and counted as such
//     ([State.Dropped]).
//   - A message to several of its groups is counted once, for the first of them in the message's list.
//   - A connection that ends is dialed again, at the next of the daemons, after 50 ms at first and 5 s at
//     most.
//   - Text in views is safe to write to a terminal.
//
// # What it does not
//
// What is sent while it is not connected is not counted; with envelopes it counts as missing. It sends nothing,
// and keeps nothing over its end.
//
// # Limits
//
// The queue holds [Config.QueueBytes], 32 MiB. Beyond that, those of package traffic.
//
// # How to debug
//
// [View] has the state of the connection, with the last error; the log says when it changes.
//
// # References
//
// docs/spec/mod_log_spread.md, docs/spec/spreadlogd.md §18.
package logmon
