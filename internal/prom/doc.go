// Package prom serves the counters of a program to Prometheus: what spreadd, logpub, logsub and
// their like have in common.
//
// A program keeps its counters itself, and has a function that returns a snapshot of them, a value of a type of its own, S. A
// [Family] says of one metric what it is called and means, and finds its series in a snapshot; a
// [Collector] takes a snapshot at each scrape. [Listen] binds an address, and
// [Server.Start] answers there until it is told to end; [Keep] is both, for programs that go on without.
//
//	families := []promserve.Family[logpub.Stats]{
//		promserve.BuildInfo[logpub.Stats]("logpub"),
//		promserve.Counter("logpub_connects_total", "sessions", "Sessions with a daemon that were opened.",
//			func(s *logpub.Stats) int64 { return s.Connects }),
//	}
//	server, err := promserve.Listen(ctx, "127.0.0.1:9804", promserve.Config{
//		Program: "logpub", Collector: promserve.NewCollector(publisher.Stats, families), Log: log,
//	})
//
// # What it guarantees
//
//   - Nothing is counted here, and nothing runs between two scrapes.
//   - It serves GET /metrics in the text and OpenMetrics formats, a short index at /, and nothing else but
//     what [Config.Mount] adds. The metrics of the Go runtime and of the process are there as well.
//   - Values of labels may be any text; what is not UTF-8 is quoted.
//   - A scrape that finds the same series twice adds the two up, so that no names that users
//     choose can make a page invalid.
//
// # What it does not
//
// There is neither encryption nor authentication: bind it to loopback or to a
// network of your own. How many series a family has is not bounded here: a program that makes labels of
// what others send has to see to that ([Other]).
//
// # Limits
//
// 32 connections, 4 scrapes at a time; a request has to be there within 5 s, and is
// answered within 30 s; a program that does not answer for 10 s gives 503.
//
// # How to debug
//
// Failed scrapes are in the program's log, with part=metrics. curl shows the rest.
// Package promtest has tests that every program with metrics runs.
//
// References: docs/operate/metrics.md; https://prometheus.io/docs/practices/naming/.
package prom
