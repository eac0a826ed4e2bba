// Command logsub subscribes to groups and writes what is sent to them to files.
//
//	logsub -g coolsite -o /data/logs/coolsite            from the daemon on this host
//	logsub -spread 4803@web1 -g a -o a.log -g b -o b.log two groups
//	logsub -c /etc/spreadlogd.conf                       as spreadlogd did
//	logsub -c /etc/logsub.toml                           its own form
//	logsub -g weblogs -o '/logs/%{vhost}/%Y-%m-%d' -compress zstd -keep-age 30d
//
// With -metrics ADDRESS (metrics in TOML) it serves its counters to Prometheus; docs/operate/metrics.md lists them.
//
// SIGHUP and SIGUSR1 close and reopen the files at once, for rotation; SIGTERM and SIGINT
// write what has come and end with status 0. It stays in the foreground, as service
// managers like it. Errors of the configuration end it with status 1, of the command line
// with 2.
package main
