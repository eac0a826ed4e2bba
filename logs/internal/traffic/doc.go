// Package traffic adds up access logs as they arrive: requests and bytes per second, status codes,
// servers, virtual hosts, the most requested pages, and who is online. It is a pure machine: you
// pass it messages with their time, and ask it for a [Snapshot]. It has no clock, goroutine, socket
// or log.
//
//	t, err := traffic.New(traffic.Config{}, time.Now())
//	t.Message(time.Now(), "weblogs", "#lp12#web1", line)
//	s := t.Snapshot(time.Now(), traffic.Query{Pages: 20, Sessions: 20, VHosts: 20})
//
// # What is counted
//
//   - A message is one or more lines, plain or in an envelope (package envelope). With envelopes,
//     duplicates are not counted again, and skipped numbers are counted as missing.
//   - A line is a request if package logline can parse it, with or without a virtual host in front
//     ([VHostMode]); JSON has its virtual host in a field. Otherwise it is odd, and counted by
//     reason ([Odd]). A line without a virtual host belongs to the one with the name of the group.
//   - A server is the daemon of the sender: the host where logpub runs. A page is a path without
//     its query, at a virtual host. A session is a client with a user agent at a virtual host,
//     until it makes no request for [Config.SessionTimeout].
//   - The time of a line is the time of its receipt. The time in the line is ignored, because
//     servers write when a request began, each by its own clock.
//   - Rates are means over the last [RateSeconds] full seconds, or over those since the start if
//     they are fewer. The rates of the parts add up to the rate of the whole.
//
// # Guarantees
//
//   - Every line of a message is a request, odd, or a repeat. The requests are the sum over virtual
//     hosts, over servers, and over status codes.
//   - Memory is bounded, whatever the input (see below).
//   - A table of n pages contains every page with more than r/n of the r requests since the start.
//     Row.Requests counts the requests of a page while it was in the table; it missed at most
//     [Row.MayMiss] before, which is never more than r/n.
//   - Known clients, pages, hosts and servers allocate nothing.
//   - Text in snapshots is safe to write to a terminal ([Clean]).
//
// # Limits
//
// Nothing survives a restart, and what was sent while nobody listened is unknown. A stream
// remembers up to [envelope.MaxSpans] gaps. The numbers of a virtual host that was replaced start
// at 0 when it returns.
//
//	sessions         Config.MaxSessions, 50,000     the one that was idle longest ends; Snapshot.OnlineAtLeast
//	virtual hosts    Config.MaxVHosts, 100          one that was idle for a minute makes room, otherwise "(other)"
//	pages, a list    Config.MaxPages, 500           as above; 200 bytes of path
//	servers, a list  256                            "(other)"
//	groups           1000                           "(other)"
//	streams          2,000                          all are forgotten; repeats and gaps at that moment are missed
//	history          600 s
//
// With the defaults and the worst input that is 140 MiB (TestMemory); usually a tenth of it.
//
// Names of virtual hosts consist of letters, digits and ".-_:[]*", up to 259 bytes; all others are
// "(invalid)".
//
// # How to debug
//
// Snapshot.Odd shows why lines are odd. The JSON of a snapshot (logmon -once -json) has all
// numbers.
//
// # References
//
// Metwally, Agrawal, El Abbadi: Efficient computation of frequent and top-k elements in data
// streams, ICDT 2005, for the list of pages; docs/spec/spreadlogd.md §18, for who is online.
package traffic
