package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/internal/sdnotify"
)

// statusInterval is the time between two looks at the ring, for systemd.
const statusInterval = time.Second

// service reports the daemon to systemd. Its conn is nil if systemd did not start it.
type service struct {
	conn *sdnotify.Notifier

	mu      sync.Mutex
	ready   bool   // has been reported
	refused string // why the last reload changed nothing
	status  string // as reported
}

// run reports that the daemon serves clients, then the members of its ring whenever they change, and
// that it is alive as long as its owner answers, until ctx ends.
func (s *service) run(ctx context.Context, d *daemon.Daemon) {
	if s.conn == nil {
		return
	}
	defer s.conn.Stopping()
	s.mu.Lock()
	s.ready = true
	s.mu.Unlock()
	s.report(d, s.conn.Ready)
	interval := statusInterval
	if w := s.conn.Watchdog(); w > 0 {
		interval = min(interval, w/4)
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			d.Stats() // the owner answers
			s.conn.Alive()
			s.report(d, nil)
		case <-ctx.Done():
			return
		}
	}
}

// report sends the status by a method of conn, or if that is nil, as a status that has changed.
func (s *service) report(d *daemon.Daemon, send func(string)) {
	if s.conn == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	status := ringText(d)
	if s.refused != "" {
		status += "; " + s.refused
	}
	if send == nil && status == s.status {
		return
	}
	if send == nil {
		send = s.conn.Status
	}
	s.status = status
	send(status)
}

// reload reports a reload. read returns why it changed nothing, or the error that ends the daemon.
func (s *service) reload(d *daemon.Daemon, read func() (refused, fatal error)) error {
	s.mu.Lock()
	ready := s.ready
	s.mu.Unlock()
	if ready {
		s.conn.Reloading()
	}
	refused, err := read()
	s.mu.Lock()
	s.refused = ""
	if refused != nil {
		s.refused = fmt.Sprintf("configuration refused, the old one is in use: %v", refused)
	}
	s.mu.Unlock()
	if ready && err == nil {
		s.report(d, s.conn.Ready)
	}
	return err
}

// prioritize gives this process a real-time priority if the options ask for it.
func (o *options) prioritize() error {
	if !o.realtime {
		return nil
	}
	return makeRealtime()
}

// ringText describes the ring in one line.
func ringText(d *daemon.Daemon) string {
	members := d.Members()
	top, _ := d.Configuration()
	var missing []string
	for _, one := range top.Daemons() {
		if !slices.Contains(members, one.Name) {
			missing = append(missing, one.Name)
		}
	}
	text := fmt.Sprintf("ring of %d of %d daemons: %s", len(members), len(members)+len(missing), strings.Join(members, " "))
	if len(missing) > 0 {
		text += "; without " + strings.Join(missing, " ")
	}
	return text
}
