// Command logmon shows the live traffic of a web farm from the groups that its access logs are sent
// to.
//
//	logmon -g weblogs                              a screen; press ? for its keys
//	logmon -s 4803@web1 -s 4803@web2 -g a -g b     another daemon, a second one for when it is down; two groups
//	logmon -g weblogs -web 127.0.0.1:9807          the same as a page for browsers
//	logmon -g weblogs -metrics 127.0.0.1:9806      the same as Prometheus metrics
//	logmon -g weblogs -once                        a text report of 10 seconds, for scripts
//	logmon -g weblogs -once -json | jq .total      the same as JSON
//	logmon -g weblogs -plain -interval 1m          a line per minute, for a log
//
// The screen needs a terminal. Elsewhere logmon prints a line per -interval, or nothing with -web
// or -metrics. docs/logs/logmon.md explains each number.
//
// logmon only joins and receives. If it cannot keep up it drops messages and counts them, so that
// publishers never wait for it. It reconnects by itself.
//
// The status is 0 after SIGTERM or SIGINT; 1 if an address cannot be bound, the screen fails or,
// with -once, no groups could be joined in time; 2 for a wrong command line.
package main
