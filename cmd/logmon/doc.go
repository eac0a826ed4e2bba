// Command logmon shows the traffic of a web farm while it happens, out of the groups that its access logs are sent to.
//
//	logmon -g weblogs                              a screen; ? explains the keys
//	logmon -s 4803@web1 -s 4803@web2 -g a -g b     another daemon, and one for when it is away; two groups
//	logmon -g weblogs -web 127.0.0.1:9807          the same as a page, for browsers
//	logmon -g weblogs -metrics 127.0.0.1:9806      the same for Prometheus
//	logmon -g weblogs -once                        10 seconds of it as text, for scripts
//	logmon -g weblogs -once -json | jq .total      the same as JSON
//	logmon -g weblogs -plain -interval 1m          a line a minute, for a log
//
// The screen is shown on a terminal. Elsewhere, with -web or -metrics nothing is printed, and without them a
// line each -interval. docs/logs/logmon.md says what each number means.
//
// logmon only joins and receives. If it cannot keep up it drops messages and says how many, so that publishers
// never wait for it. It connects again by itself.
//
// SIGTERM and SIGINT end it in order. The status is 0; 1 if an address cannot be bound, the screen fails or, with -once,
// no groups could be joined in time; 2 if the command line is wrong.
package main
