package logsub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/spreadd/spreadd/logs/internal/lineindex"
	"github.com/spreadd/spreadd/logs/internal/logproto"
	"github.com/spreadd/spreadd/logs/internal/peer"
	"github.com/spreadd/spreadd/spread"
)

const (
	// helloWait is how long a log host that has joined waits for the others to introduce
	// themselves.
	helloWait = 3 * time.Second
	// joinWait is how long it waits for its joins, and readyWait for another log host to have
	// written what came before.
	joinWait  = 30 * time.Second
	readyWait = 20 * time.Second
	// viewsWait is how long the views of several groups may be apart when a network is merged.
	viewsWait = 100 * time.Millisecond
	// healAttempts is how often a log is read again from a log host whose files have changed
	// meanwhile.
	healAttempts = 5
	// healRetries is how often a log host is asked again that could not be read: after healRetry,
	// then each time after twice as long, which takes 200 s in all.
	healRetries = 10
	healRetry   = 200 * time.Millisecond
	// holdFirst is how long the writer waits for all log hosts together. What they have not sent by then is
	// fetched later: each time the writer waits for up to twice as long, but not longer than holdLast.
	holdFirst = time.Minute
	holdLast  = time.Hour
	// healMargin is how much longer than the absence the time is for which files are compared.
	healMargin = 10 * time.Minute
)

var (
	// errSilent means that a log host has not answered a question.
	errSilent = fmt.Errorf("it has not answered within %s", readyWait)
	// errSlow means that lines that were received meanwhile had waited for long enough.
	errSlow = errors.New("it was too slow; the lines that were received meanwhile are written first")
)

// cut is a place in the list of a writer, where it does something between two lines.
type cut struct {
	heal      *healing // to be done
	group, id string   // a view to be noted
	members   []string // of the group
}

// healing brings the files of this log host to the state that others have at a point of the order:
// at a join, or where a network was merged. The writer of files waits for it, and what is received
// waits in the writer's list.
type healing struct {
	h       *healer
	r       *receiver // nil if another log host has asked for it
	own     string    // private group of its connection
	only    []known   // those to ask; nil: all
	invited bool      // by these, who have lines that this log host lacks
	retries int       // how often it has failed
	// merged says that the network was split, so that only log hosts of the other part are asked.
	merged bool
	listed bool                 // a list of groups has got new ones
	since  time.Time            // since when lines may be missing; zero if unknown
	latest map[string]time.Time // when the writer came to it

	ctx    context.Context
	cancel context.CancelFunc
	ready  chan struct{} // closed when views is complete
	once   sync.Once

	chosen bool     // candidates are chosen; needs h.mu, as asked does
	asked  []string // members among them

	mu       sync.Mutex
	views    map[string]spread.View // by group
	newcomer map[string]bool        // members that were in the other part; or, if listed, that were greeted
}

func newHealing(h *healer, r *receiver) *healing {
	x := &healing{h: h, r: r, ready: make(chan struct{}), views: make(map[string]spread.View), newcomer: make(map[string]bool)}
	x.ctx, x.cancel = context.WithCancel(h.ctx)
	if r != nil {
		x.own = r.own
		if at := r.apart.Load(); at != 0 {
			x.since = time.Unix(0, at)
		}
	}
	return x
}

// begin says that the views are complete.
func (x *healing) begin() { x.once.Do(func() { close(x.ready) }) }

func (x *healing) addView(m *spread.Membership) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.views[m.Group] = spread.View{ID: m.ID, Members: slices.Clone(m.Members)}
}

func viewID(id spread.GroupID) string { return fmt.Sprint(id) }

func (x *healing) hasView(group, id string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	v, ok := x.views[group]
	return ok && viewID(v.ID) == id
}

// run does the work. It belongs to the writer of files.
func (x *healing) run() {
	h := x.h
	x.latest = h.latest()
	if x.invited {
		h.takeInvitation(x.only[0].Address)
	}
	if x.r != nil {
		h.last[x.r] = x
	}
	h.mu.Lock()
	h.frozen = x
	h.notify()
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		h.frozen = nil
		h.notify()
		h.mu.Unlock()
	}()
	select {
	case <-x.ready:
	case <-x.ctx.Done():
		return
	case <-time.After(joinWait):
		h.fail(failJoin)
		return
	}
	began := time.Now()
	asked := 0
	var failed []known
	candidates := x.candidates()
	until := time.Now().Add(min(h.holdFirst<<x.retries, holdLast))
	for i, k := range candidates {
		if x.ctx.Err() != nil {
			return
		}
		asked++
		ctx, cancel := context.WithTimeoutCause(x.ctx, time.Until(until)/time.Duration(len(candidates)-i), errSlow)
		if !x.healFrom(ctx, k) {
			failed = append(failed, k)
		}
		cancel()
	}
	if asked > len(failed) && x.r != nil {
		x.r.apart.Store(0)
	}
	h.s.cfg.Log.Debug("log files compared with other log hosts", slog.Int("hosts", asked), slog.Int("failed", len(failed)), slog.String("after", time.Since(began).Round(time.Millisecond).String()))
	if len(failed) > 0 && x.ctx.Err() == nil {
		x.retry(failed)
	}
}

// retry heals from some log hosts later, unless there is another connection by then.
func (x *healing) retry(from []known) {
	if x.retries == healRetries {
		for _, k := range from {
			x.h.s.cfg.Log.Warn("log files not compared with a log host, which could not be read; the next connection or a restart compares them",
				slog.String("with", k.Host), slog.String("address", k.Address))
		}
		return
	}
	y := x.again()
	y.only, y.retries = from, x.retries+1
	time.AfterFunc(healRetry<<x.retries, func() { x.h.spawn(y.tryAgain) })
}

// tryAgain asks the log hosts while the writer goes on, so that it waits for none that does not answer.
func (x *healing) tryAgain() {
	var ready, failed []known
	for _, k := range x.only {
		client := peer.NewClient(x.ctx, k.Address, x.h.s.cfg.HealDial)
		_, err := x.ask(client, &k)
		client.Close()
		if err == nil {
			ready = append(ready, k)
			continue
		}
		failed = append(failed, k)
		if x.ctx.Err() == nil {
			x.h.fail(failureOf(err))
			x.h.s.cfg.Log.Debug("cannot read the files of a log host yet", slog.String("from", k.Host), slog.String("address", k.Address), slog.Any("error", err))
		}
	}
	if x.ctx.Err() != nil || x.r != nil && x.r.client.PrivateGroup() != x.own {
		x.cancel()
		return
	}
	if len(failed) > 0 {
		x.retry(failed)
	}
	if x.only = ready; len(ready) > 0 {
		x.h.s.writers[0].putCut(&cut{heal: x})
	} else {
		x.cancel()
	}
}

// ask waits until a log host has written what came before the views.
func (x *healing) ask(client *peer.Client, k *known) ([]peer.Log, error) {
	patience := time.AfterFunc(readyWait, client.Close)
	logs, err := client.Ready(x.question(k))
	if !patience.Stop() && err != nil {
		err = errSilent
	}
	return logs, err
}

// candidates waits until the members of the views have introduced themselves, and returns those to
// ask. Those that introduce themselves later are asked by [healing.late].
func (x *healing) candidates() []known {
	if x.only != nil {
		return x.only
	}
	deadline := time.NewTimer(x.h.helloWait)
	defer deadline.Stop()
	for over := false; ; {
		x.h.mu.Lock()
		changed := x.h.changed
		list, missing := x.knownMembers()
		if x.chosen = !missing || over; x.chosen {
			for i := range list {
				x.asked = append(x.asked, list[i].member)
			}
		}
		x.h.mu.Unlock()
		if !missing || over {
			return x.withConfigured(list)
		}
		select {
		case <-changed:
		case <-deadline.C:
			over = true
		case <-x.ctx.Done():
			return nil
		}
	}
}

// knownMembers returns the log hosts among the members, and whether some members have not said
// whether they are. It needs h.mu.
func (x *healing) knownMembers() (list []known, missing bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, v := range x.views {
		for _, member := range v.Members {
			if !x.concerns(member) {
				continue
			}
			i := slices.IndexFunc(x.h.peers, func(k known) bool { return k.member == member })
			switch {
			case i < 0:
				missing = true
			case !slices.Contains(list, x.h.peers[i]):
				list = append(list, x.h.peers[i])
			}
		}
	}
	return list, missing
}

// concerns reports whether a member of a view may be asked. It needs x.mu.
func (x *healing) concerns(member string) bool {
	return member != x.own && (!x.merged || x.newcomer[member])
}

// late returns a healing from a member that has introduced itself after others were asked; nil if it
// was in time, or is not a member.
func (x *healing) late(k *known) *healing {
	x.h.mu.Lock()
	defer x.h.mu.Unlock()
	if !x.chosen || slices.Contains(x.asked, k.member) || !x.isMember(k.member) {
		return nil
	}
	y := x.again()
	y.only, y.chosen, y.asked = []known{*k}, true, append(slices.Clone(x.asked), k.member)
	return y
}

func (x *healing) isMember(member string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, v := range x.views {
		if slices.Contains(v.Members, member) {
			return x.concerns(member)
		}
	}
	return false
}

// withConfigured puts the configured log hosts first.
func (x *healing) withConfigured(list []known) []known {
	for _, address := range slices.Backward(x.h.s.cfg.Heal.Peers) {
		i := slices.IndexFunc(list, func(k known) bool { return k.Address == address })
		k := known{Hello: logproto.Hello{Host: address, Address: address}}
		if i >= 0 {
			k = list[i]
			list = slices.Delete(list, i, i+1)
		}
		list = slices.Insert(list, 0, k)
	}
	return list
}

// again returns a healing at the same point.
func (x *healing) again() *healing {
	x.mu.Lock()
	defer x.mu.Unlock()
	y := newHealing(x.h, x.r)
	y.only, y.invited, y.merged, y.own, y.since = x.only, x.invited, x.merged, x.own, x.since
	y.views, y.newcomer = maps.Clone(x.views), maps.Clone(x.newcomer)
	y.begin()
	return y
}

// question is what to ask a log host before its files are read.
func (x *healing) question(k *known) *peer.Ready {
	x.mu.Lock()
	defer x.mu.Unlock()
	q := &peer.Ready{Host: x.h.host}
	for group, v := range x.views {
		q.Views = append(q.Views, peer.View{Group: group, ID: viewID(v.ID), Member: slices.Contains(v.Members, k.member)})
	}
	return q
}

// healFrom fetches from a log host, and reports whether that worked.
func (x *healing) healFrom(ctx context.Context, k known) bool {
	h, log := x.h, x.h.s.cfg.Log.With(slog.String("from", k.Host), slog.String("address", k.Address))
	began := time.Now()
	client := peer.NewClient(ctx, k.Address, h.s.cfg.HealDial)
	defer client.Close()
	logs, err := x.ask(client, &k)
	follow := h.follows(&k)
	var sum lineindex.Healed
	for i := range logs {
		if err != nil {
			break
		}
		j := slices.IndexFunc(h.logs, func(o *indexed) bool { return o.served.Name == logs[i].Name })
		switch {
		case j < 0:
			continue
		case h.logs[j].served.Config != logs[i].Config:
			h.fail(failConfig)
			log.Warn("log not healed: the other log host has another configuration of it; make them equal", slog.String("log", logs[i].Name))
			continue
		}
		err = x.healLog(ctx, client, h.logs[j], &logs[i], follow, &sum)
	}
	h.owed = h.owed || sum.Lines > 0
	h.acknowledge()
	h.lines.Add(sum.Lines)
	h.bytes.Add(sum.Bytes)
	h.reordered.Add(int64(sum.Reordered))
	if err != nil {
		if x.ctx.Err() == nil {
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			h.fail(failureOf(err))
			log.Warn("cannot fetch missing lines from a log host yet; trying the next", slog.Int64("lines", sum.Lines), slog.Any("error", err))
		}
		return false
	}
	h.healings.Add(1)
	if sum.Lines > 0 || sum.Reordered > 0 {
		log.Info("fetched missing lines", slog.Int64("lines", sum.Lines), slog.Int64("bytes", sum.Bytes), slog.Int("reordered_files", sum.Reordered),
			slog.String("after", time.Since(began).Round(time.Millisecond).String()))
	}
	if (sum.Ahead || sum.Parted) && !x.invited && !x.merged {
		if err := client.Invite(h.address); err != nil {
			log.Warn("cannot offer lines to a log host that lacks them or has them in another order", slog.Any("error", err))
		}
	}
	return true
}

// follows reports whether the order of another log host counts where lines are in another order
// here: the one with the lower name decides.
func (h *healer) follows(k *known) bool {
	name := k.Hello
	if name.Instance == 0 { // it was configured, or has invited us
		h.mu.Lock()
		i := slices.IndexFunc(h.peers, func(o known) bool { return o.Address == k.Address })
		if i >= 0 {
			name = h.peers[i].Hello
		}
		h.mu.Unlock()
	}
	return name.Instance != 0 && nameOfHost(&name) < h.host
}

// healLog fetches one log, and adds to the sum. It starts again when files of the other log host have
// changed.
func (x *healing) healLog(ctx context.Context, client *peer.Client, own *indexed, l *peer.Log, follow bool, sum *lineindex.Healed) error {
	for range healAttempts {
		got, err := x.h.s.files.Heal(ctx, own.template, client.Source(l.Name), x.within(), follow)
		sum.Lines, sum.Bytes, sum.Reordered = sum.Lines+got.Lines, sum.Bytes+got.Bytes, sum.Reordered+got.Reordered
		if err == nil {
			sum.Ahead, sum.Parted = sum.Ahead || got.Ahead, sum.Parted || got.Parted
			if r := x.h.route(own); r != nil && !l.Latest.IsZero() {
				r.timer.Advance(l.Latest)
			}
			return nil
		}
		if !errors.Is(err, lineindex.ErrChanged) {
			return err
		}
	}
	return lineindex.ErrChanged
}

// within is how far back files are compared; zero means all.
func (x *healing) within() time.Duration {
	if x.since.IsZero() {
		return 0
	}
	return time.Since(x.since) + healMargin
}
