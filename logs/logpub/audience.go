package logpub

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/internal/pause"
	"github.com/spreadd/spreadd/spread"
)

const (
	// audienceWait is how long groups have lines before somebody looks who has joined them, and again
	// before a warning: after an outage, log hosts need some time to come back.
	audienceWait = 30 * time.Second
	// audiencePause is the time between two looks at groups that somebody has joined, lonelyPause at
	// others. Up to half of it is added at random, because a farm has many publishers.
	audiencePause = 10 * time.Minute
	lonelyPause   = time.Minute
	// audienceStep is how often groups are checked for whether a look is due, lookTime how long a look
	// takes at most.
	audienceStep = 5 * time.Second
	lookTime     = 10 * time.Second
)

// audience finds groups that nobody has joined, because with [Sent] and [Ordered] lines for them are
// lost in silence. A client learns who is in a group by being in it, so a look joins the groups and
// leaves them at once, which takes a few milliseconds. With [Written], log hosts acknowledge lines.
type audience struct {
	denied atomic.Bool // the daemon lets this client join no groups

	mu     sync.Mutex
	lonely map[string]bool // lists of groups, with spaces between, that nobody has joined
}

// watched is a list of groups that lines were sent to.
type watched struct {
	looked int64     // lines that had been sent at the last look
	due    time.Time // of the next look
	empty  int       // looks in a row that found nobody
}

// isLonely reports whether nobody has joined the groups of a list.
func (a *audience) isLonely(groups string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.lonely[groups]
}

// count returns how many lists of groups nobody has joined.
func (a *audience) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.lonely)
}

// run looks until ctx ends.
func (a *audience) run(ctx context.Context, p *Publisher) {
	if p.cfg.Delivery == Written {
		return
	}
	groups := make(map[string]*watched)
	for pause.For(ctx, audienceStep) == nil && !a.denied.Load() {
		p.targetsMu.Lock()
		counts := slices.Clone(p.groups)
		p.targetsMu.Unlock()
		for _, c := range counts {
			sent, now := c.sent.Load(), time.Now()
			w := groups[c.name]
			switch {
			case sent == 0:
				continue
			case w == nil:
				groups[c.name] = &watched{due: now.Add(audienceWait)}
				continue
			case now.Before(w.due) || sent == w.looked:
				continue
			}
			w.looked = sent
			a.check(ctx, p, c.name, w)
		}
	}
}

// check looks at a list of groups, and logs what has changed.
func (a *audience) check(ctx context.Context, p *Publisher, groups string, w *watched) {
	somebody, ok := a.look(ctx, p.sender.client, strings.Fields(groups))
	next := lonelyPause
	switch {
	case !ok:
	case somebody:
		next, w.empty = audiencePause, 0
		if a.set(groups, false) {
			p.cfg.Log.Info("somebody is subscribed to the groups again", slog.String("groups", groups))
		}
	default:
		if w.empty++; w.empty == 1 {
			w.due, w.looked = time.Now().Add(audienceWait), 0
			return
		}
		if a.set(groups, true) {
			p.cfg.Log.Warn("nobody is subscribed to groups that lines are sent to; the lines are lost: start logsub for these groups, or correct their names",
				slog.String("groups", groups))
		}
	}
	if next == lonelyPause {
		w.looked = 0 // also without further lines
	}
	w.due = time.Now().Add(next + rand.N(next/2))
}

// set notes whether nobody has joined the groups, and reports whether that is new.
func (a *audience) set(groups string, lonely bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.lonely[groups] == lonely {
		return false
	}
	if a.lonely == nil {
		a.lonely = make(map[string]bool)
	}
	if lonely {
		a.lonely[groups] = true
	} else {
		delete(a.lonely, groups)
	}
	return true
}

// publisherName matches the private groups of publishers, which may look at the same time.
var publisherName = regexp.MustCompile(`^#lp[0-9]+(-[0-9a-z]+)?#`)

// look reports whether another client has joined one of the groups. It returns false for ok if the
// daemon does not show that in time.
func (a *audience) look(ctx context.Context, client *spread.Client, groups []string) (somebody, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	for _, g := range groups {
		if client.PrivateGroup() == "" || client.Join(ctx, g) != nil {
			return false, false
		}
		view, shown := spread.View{}, false
		for !shown && ctx.Err() == nil && !a.denied.Load() {
			if view, shown = client.View(g); !shown {
				_ = pause.For(ctx, 10*time.Millisecond)
			}
		}
		own := client.PrivateGroup()
		if client.Leave(context.WithoutCancel(ctx), g) != nil || !shown {
			return false, false
		}
		if slices.ContainsFunc(view.Members, func(m string) bool { return m != own && !publisherName.MatchString(m) }) {
			return true, true
		}
	}
	return false, true
}
