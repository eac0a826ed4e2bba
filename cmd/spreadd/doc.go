// Command spreadd is the Spread daemon.
//
//	spreadd                        spread.conf here or in /etc; without one, a daemon
//	                               "localhost" on 127.0.0.1:4803
//	spreadd -n web1 -c FILE        be daemon web1 of FILE
//	spreadd -check -c FILE         print FILE as understood, or its errors
//	spreadd -metrics 127.0.0.1:9803
//	                               serve metrics to Prometheus there; docs/operate/metrics.md lists them
//
// It stays in the foreground and logs to standard output or to EventLogFile. SIGTERM and
// SIGINT stop it in order, with status 0; SIGHUP reopens the log file and reads the configuration again (docs/operate/operations.md says what changes). Errors end it with
// status 1, those of the command line with 2.
package main
