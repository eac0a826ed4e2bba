// Package traffic adds up what access logs say, as it happens: requests and bytes a second,
// status codes, servers, virtual hosts, the pages that are asked for most, and who is online. It is a machine: it is
// handed messages with their time, and asked for a [Snapshot]. There is no clock, goroutine,
// socket or log in it.
//
//	t, err := traffic.New(traffic.Config{}, time.Now())
//	t.Message(time.Now(), "weblogs", "#lp12#web1", line)
//	s := t.Snapshot(time.Now(), traffic.Query{Pages: 20, Sessions: 20, VHosts: 20})
//
// # What is counted
//
//   - A message is one line or several, plain or in an envelope (package envelope). With envelopes, lines that came
//     before are not counted again, and numbers that are passed over are counted as missing.
//   - A line is a request if package accesslog can read it, with a virtual host in front or not ([VHostMode]); else it is
//     odd, and counted by reason ([Odd]). A line without a virtual host belongs to the one that has the
//     group's name.
//   - A server is the daemon of the message's sender: where logpub runs. A page is a path
//     without its query at a virtual host. A session is a client with a user agent at a
//     virtual host, until it has not asked for anything for [Config.SessionTimeout].
//   - The time of a line is that of its receipt. What the line says is not looked at: servers write when the
//     request began, each by its own clock.
//   - Rates are the mean of the last [RateSeconds] full seconds, or of those since the start if
//     they are fewer. The rates of parts add up to that of the whole.
//
// # What it guarantees
//
//   - Every line of a message is a request, odd, or a repeat. Requests are the sum over virtual hosts, over
//     servers and over status codes, always.
//   - Memory is bounded, whatever comes (below).
//   - Pages: in a table of n pages of one list, with r requests since the start, every page with more than r/n is there. Row.Requests of a page is what was
//     counted while it was there; [Row.MayMiss] more at most came before, which is never more than r/n.
//   - Known clients, pages, hosts and servers allocate nothing.
//   - Text in snapshots is safe to write to a terminal ([Clean]).
//
// # What it does not
//
// It keeps nothing over an end of the program, and does not know what was sent before it came or while it was
// away. What is remembered of a stream has gaps at most as [envelope.MaxSpans] has it.
// Numbers of a virtual host that was replaced begin at 0 when it comes back.
//
// # Limits
//
//	sessions         Config.MaxSessions, 50,000     the one that was quiet longest ends; Snapshot.OnlineAtLeast
//	virtual hosts    Config.MaxVHosts, 100          one that was quiet for a minute makes room, else "(other)"
//	pages, a list    Config.MaxPages, 500           as above; 200 bytes of path
//	servers, a list  256                            "(other)"
//	groups           1000                           "(other)"
//	streams          2,000                          all are forgotten; repeats and gaps at that moment are not seen
//	history          600 s
//
// With the defaults and the worst of input that is 140 MiB (TestMemory); usually a tenth of it.
//
// Names of virtual hosts have letters, digits and ".-_:[]*", up to 259 bytes; all others are "(invalid)".
//
// # How to debug
//
// Snapshot.Odd says why lines are odd. The JSON of a snapshot (logmon -once -json) has all numbers.
//
// # References
//
// Metwally, Agrawal, El Abbadi: Efficient computation of frequent and top-k elements in data streams, ICDT 2005, for the
// list of pages; docs/spec/spreadlogd.md §18, for who is online.
package traffic
