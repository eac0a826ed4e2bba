// Command logpub sends log lines to groups.
//
//	logpub -g coolsite                       send standard input to the daemon on this host
//	logpub -s 4803@hub -g weblogs -g audit   send each line to two groups
//	logpub -c /etc/logpub.toml               read several inputs: files, syslog sockets, standard input
//
// In Apache it is a piped log, one for each CustomLog; GlobalLog makes one for all virtual hosts.
// Write "|" and the path, not "|$", so that Apache starts no shell:
//
//	CustomLog "|/usr/bin/logpub -s 4803 -g coolsite" combined
//
// nginx has no piped logs, and a FIFO would block it or lose lines. A configuration with
//
//	[[input]]
//	syslog = "unixgram:/run/logpub.sock"
//
// receives what its access_log syslog:server=unix:/run/logpub.sock sends. docs/logs/logpub.md
// describes this and the other keys.
//
// logpub never blocks a web server for the network. Lines wait for the daemon in a queue (-queue),
// then on disk (-spool). When both are full, reading stops for up to -block, and then lines are
// dropped and counted, or as -full says. The counters are logged to standard error at the end and
// every -stats.
//
// It ends when its input ends. After SIGTERM or SIGINT it reads until the input ends or is quiet
// for a second, sends what it has, and ends, all within -drain. Further signals change nothing,
// because Apache may send several. SIGHUP reloads the file of -c. Without -c, SIGHUP is ignored, as
// are SIGUSR1 and SIGUSR2 always: Apache sends the signals for a restart to its whole process group,
// and starts a new logpub with a new pipe.
//
// The status is 0, 1 if the configuration is wrong, reading failed or lines could not be sent by
// the end, 2 for a wrong command line. If its input is a pipe, logpub waits a second before it ends
// because of a mistake in the command line or the configuration: Apache restarts it at once.
package main
