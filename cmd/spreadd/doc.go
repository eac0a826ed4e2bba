// Command spreadd is the Spread daemon.
//
//	spreadd                          read spread.conf in the current directory, /etc or
//	                                 /etc/spread; without one, run as daemon "localhost" on
//	                                 127.0.0.1:4803
//	spreadd -n web1 -c FILE          run as daemon web1 of FILE
//	spreadd -check -c FILE           print FILE as understood, or its errors
//	spreadd -metrics 127.0.0.1:9803  serve Prometheus metrics; docs/operate/metrics.md lists them
//
// It stays in the foreground and logs to standard output or to EventLogFile. SIGTERM and SIGINT
// stop it. SIGHUP reopens the log file and reloads the configuration; docs/operate/operations.md
// says what changes.
//
// The status is 0 after SIGTERM or SIGINT, 1 after an error, 2 for a wrong command line.
package main
