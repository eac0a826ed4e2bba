// Package sdnotify reports the state of a service to systemd (sd_notify): that it is ready, reloads,
// stops or is alive, and one line of status.
//
// A nil [Notifier] reports nothing, so that programs need not ask whether systemd started them.
package sdnotify
