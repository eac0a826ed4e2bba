// Command logpub sends lines from its standard input to a group, each as a message.
//
//	logpub -s 4803 -g coolsite               to the daemon on this host
//	logpub -s 4803@hub -g weblogs -g audit   each line to two groups
//	logpub -config /etc/logpub.toml          several inputs: files, syslog sockets, standard input
//
// In Apache it is a piped log, one for each CustomLog; GlobalLog makes one for all
// virtual hosts. Write "|" and the path, not "|$", so that no shell stands between:
//
//	CustomLog "|/usr/local/bin/logpub -s 4803 -g coolsite" combined
//
// nginx has no piped logs, and a FIFO would make it wait or lose lines. A configuration with
//
//	[[input]]
//	syslog = "unixgram:/run/logpub.sock"
//
// takes what its access_log syslog:server=unix:/run/logpub.sock sends; docs/logs/logpub.md tells of this
// and the other keys.
//
// logpub never keeps a web server waiting for the network: lines wait for the daemon in a
// queue (-queue), then on disk (-spool), and when both are full are dropped and counted, after -block at first, or as
// -full says.
// It says how many lines it took, sent and dropped when it ends, and every -stats while there are
// any, on standard error, which is the error log of a web server.
//
// With -metrics ADDRESS (metrics in the configuration) it serves its counters to Prometheus; docs/operate/metrics.md lists them.
//
// It ends when its input does. SIGTERM and SIGINT make it read on until the input ends or is
// quiet for a second, send what it has, and end, all within -drain; further ones change
// nothing, since Apache may send several. SIGHUP (which has a -config read again), SIGUSR1, SIGUSR2 and SIGPIPE are ignored: Apache's
// signals for restarts reach its whole process group, and a new logpub comes with a new
// pipe.
//
// The status is 0 if it ended in order, 1 if lines were left that could not be sent by the
// end or reading failed, 2 if the command line is wrong. In the last case it waits
// a second if its input is a pipe, since Apache starts it again at once.
package main
