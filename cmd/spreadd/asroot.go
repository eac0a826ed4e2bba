package main

import (
	"log/slog"
	"time"
)

// rootInterval is the time between two warnings of a daemon that runs as root.
const rootInterval = time.Hour

// warnOfRoot warns, now and every hour, that the daemon runs as root, if it does, until end is called.
func warnOfRoot(log *slog.Logger, root bool) (end func()) {
	if !root {
		return func() {}
	}
	warn := func() {
		log.Warn("running as root, so whoever breaks into this daemon owns the host: make the user and group spread (useradd --system --user-group spread), or name others with DaemonUser and DaemonGroup in spread.conf")
	}
	warn()
	tick, done := time.NewTicker(rootInterval), make(chan struct{})
	go func() {
		for {
			select {
			case <-tick.C:
				warn()
			case <-done:
				tick.Stop()
				return
			}
		}
	}()
	return func() { close(done) }
}
