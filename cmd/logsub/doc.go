// Command logsub subscribes to groups and writes their messages to files, commands or databases.
//
//	logsub -g coolsite -o /data/logs/coolsite         from the daemon on this host
//	logsub -s 4803@web1 -g a -o a.log -g b -o b.log   from another daemon, two groups
//	logsub -c /etc/spreadlogd.conf                    as spreadlogd
//	logsub -c /etc/logsub.toml                        with all features
//	logsub -g weblogs -o '/logs/%{vhost}/%Y-%m-%d' -compress zstd -keep-age 30d
//
// With -metrics ADDRESS (metrics in TOML) it serves Prometheus metrics; docs/operate/metrics.md
// lists them.
//
// SIGHUP and SIGUSR1 reopen the files at once, for rotation. SIGTERM and SIGINT write all lines
// received so far and end logsub. It stays in the foreground, as service managers expect.
//
// The status is 0, 1 after an error or for a wrong configuration, 2 for a wrong command line.
package main
