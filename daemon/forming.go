package daemon

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/membership"
	"github.com/spreadd/spreadd/wire"
)

const (
	// minFormingTime is the least time without a ring after which the log says so.
	minFormingTime = 3 * time.Second
	// silentRepeat is the least time between two warnings if other daemons have become silent.
	silentRepeat = 10 * time.Second
	// maxFormingRepeat is the most time between two warnings about the same outage. The first is
	// repeated after as long as it took, and the time doubles with each.
	maxFormingRepeat = 5 * time.Minute
)

// forming watches for how long there is no ring, for the log. A ring that is lost again at once
// does not end an outage.
type forming struct {
	since     clock.Time    // when the outage began; zero while a ring runs
	operating clock.Time    // when a ring began to run in the outage; zero if none does
	lost      clock.Time    // since when none does
	spent     time.Duration // without a ring before that
	next      clock.Time    // when there is something to do; zero means never
	repeat    time.Duration // until the next warning
	warned    bool          // in this outage
	said      string        // who was silent in the last warning
	warnedAt  clock.Time
}

// patience is the time without a ring after which the log says so: that of two rounds of gathering
// and of one attempt to form a ring.
func patience(t *membership.Timeouts) time.Duration {
	return max(minFormingTime, 2*(t.Seg+t.Gather)+t.Form)
}

// lost reports whether no ring works for longer than a change of the ring takes.
func (o *owner) lost() bool {
	f := &o.forming
	return f.since != 0 && f.operating == 0 && o.moment().Sub(f.since) > patience(&o.cfg.Engine.Timeouts)
}

// changed notes whether a ring runs.
func (f *forming) changed(now clock.Time, operating bool, t *membership.Timeouts) {
	switch {
	case operating && f.since != 0 && f.operating == 0:
		f.operating = now
		f.spent += now.Sub(f.lost)
		f.next = now.Add(2 * t.Token) // It runs if its token has come around by then.
	case !operating && f.since == 0:
		*f = forming{since: now, lost: now, next: now.Add(patience(t)), repeat: patience(t)}
	case !operating && f.operating != 0:
		f.operating, f.lost = 0, now
		f.next = now.Add(max(0, patience(t)-f.spent))
	}
}

// watchForming logs a warning when there is no ring for too long, again when other daemons are
// silent than before and at growing intervals, and the end of such an outage.
func (o *owner) watchForming(now clock.Time) {
	f := &o.forming
	if f.next == 0 || now < f.next {
		return
	}
	if f.operating != 0 {
		if f.warned {
			o.log.Info("a ring has formed", slog.Duration("outage", f.operating.Sub(f.since).Round(time.Millisecond)), slog.Any("daemons", o.memberNames()))
		}
		*f = forming{}
		return
	}
	f.next = now.Add(time.Second)
	heard, silent, hears, known := o.heard(now)
	said := strings.Join(silent, " ")
	if f.warned && now.Sub(f.warnedAt) < f.repeat && (said == f.said || now.Sub(f.warnedAt) < silentRepeat) {
		return
	}
	if f.warned {
		f.repeat = min(2*f.repeat, maxFormingRepeat)
	}
	f.warned, f.warnedAt, f.said = true, now, said
	advice := "none"
	if d := o.cfg.Engine.Topology.Daemon(known.TokenTo); d != nil {
		port := o.cfg.Engine.Topology.Segments()[d.Segment].Port
		advice = fmt.Sprintf("are UDP %d and %d open from %s to %s, and on around the ring?", port, port+1, o.cfg.Name(), d.Name)
	}
	o.log.Warn("cannot form a ring; compare who hears whom on all daemons, and check the network and firewall between those that do not",
		slog.Duration("for", now.Sub(f.since).Round(time.Millisecond)), slog.String("state", o.engine.Status().Membership.String()),
		slog.Any("heard", heard), slog.Any("not_heard", silent), slog.String("they_hear", strings.Join(hears, "; ")),
		slog.String("form_token_from", o.nameOrNone(known.TokenFrom)), slog.String("form_token_to", o.nameOrNone(known.TokenTo)),
		slog.String("advice", advice))
}

// heard returns the daemons that were heard in the last two rounds of gathering and in this outage,
// those that were not, and whom those that were heard hear.
func (o *owner) heard(now clock.Time) (heard, silent, hears []string, known membership.Formation) {
	known = o.engine.Formation(max(o.forming.since, now.Add(-2*patience(&o.cfg.Engine.Timeouts))))
	for _, p := range known.Peers {
		name := o.nameOf(p.Daemon)
		if !p.Heard {
			silent = append(silent, name)
			continue
		}
		heard = append(heard, name)
		var names []string
		for _, id := range p.Hears {
			names = append(names, o.nameOf(id))
		}
		hears = append(hears, name+": "+strings.Join(names, " "))
	}
	return heard, silent, hears, known
}

func (o *owner) nameOrNone(id wire.DaemonID) string {
	if id == 0 {
		return "none"
	}
	return o.nameOf(id)
}
