// Package prom serves the counters of a program to Prometheus, and is the one HTTP server of all
// programs: spreadd, logpub, logsub and logmon use it.
//
// A program keeps its counters itself and has a function that returns a snapshot of them, of a type
// S. A [Family] describes one metric and finds its series in a snapshot. A [Collector] takes a
// snapshot at each scrape. [Listen] binds an address and [Server.Start] answers there; [Keep] does
// both, for programs that must run even if the address cannot be bound.
//
//	families := []prom.Family[logpub.Stats]{
//		prom.BuildInfo[logpub.Stats]("logpub"),
//		prom.Counter("logpub_connects_total", "sessions", "Connections opened to a daemon.",
//			func(s *logpub.Stats) int64 { return s.Connects }),
//	}
//	server, err := prom.Listen(ctx, "127.0.0.1:9804", prom.Config{
//		Program: "logpub", Collector: prom.NewCollector(publisher.Stats, families), Log: log,
//	})
//
// # What it guarantees
//
//   - It counts nothing itself, and nothing runs between two scrapes.
//   - It serves GET /metrics in the text and OpenMetrics formats, /healthz, /readyz, a short index at /,
//     and otherwise only what the [Config] adds. Metrics of the Go runtime and of the process are
//     included.
//   - Connections that only sit there, however many, do not keep a scrape out.
//   - Pages of strangers whose names are made to resolve to this host (DNS rebinding) learn nothing: a
//     request must name an address, a name of this host, or one that nobody can register.
//   - Label values may be any text; text that is not UTF-8 is quoted.
//   - A series that occurs twice in a scrape is added up, so that names chosen by users cannot make
//     a page invalid.
//
// # What it does not
//
// There is neither encryption nor authentication: bind it to loopback or to a private network. The
// number of series is not bounded here: a program whose labels come from others must bound it
// ([Other]).
//
// # Limits
//
// 128 connections; for one more, the one that has waited longest for a request is closed. 4 scrapes
// and 96 other requests at a time. A request must arrive within 5 s and is answered within 30 s. A
// program that does not return a snapshot within 10 s, or a check or its state within 2 s, causes
// status 503.
//
// # How to debug
//
// Failed scrapes are in the program's log, with part=metrics. Use curl to see what is served.
// Package promtest has tests that every program with metrics runs.
//
// References: docs/operate/metrics.md; https://prometheus.io/docs/practices/naming/.
package prom
