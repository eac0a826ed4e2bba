package logsub

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spreadd/spreadd/internal/conf"
	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/spread"
)

const (
	// maxListed is how many groups a groups_file may name: a daemon lets one client join no more,
	// unless it was started with another -max-session-groups.
	maxListed = 10_000
	// maxListErrors bounds how many mistakes of a list are reported.
	maxListErrors = 20
	// listInterval is how often lists are looked at. A change is read once it has been seen twice, so
	// that a list that is being written is not read.
	listInterval = time.Second
	// listLabel stands for the groups of a list in indexes. No group has this name, because of its space.
	listLabel = "groups file"
)

// ParseGroups reads a list of groups: one a line, with comments from a # on. It returns the groups that
// are right, each once, with the mistakes in the others.
func ParseGroups(name string, src []byte) (groups []string, mistakes conf.Errors) {
	seen := make(map[string]bool)
	number := 0
	for line := range strings.Lines(conf.Text(src)) {
		number++
		text, _, _ := strings.Cut(line, "#")
		group := strings.TrimSpace(text)
		if group == "" || seen[group] {
			continue
		}
		at := conf.Pos{File: name, Line: number, Col: strings.Index(line, group) + 1}
		if err := spread.CheckGroup(group); err != nil {
			mistakes = append(mistakes, &conf.Error{Pos: at, Token: group, Problem: err.Error(), Advice: "write one name a line; the line is skipped"})
		} else if len(groups) == maxListed {
			mistakes = append(mistakes, &conf.Error{
				Pos: at, Problem: fmt.Sprintf("more than %d groups", maxListed),
				Advice: "this line and those after it are skipped; send several virtual hosts to one group, with %{vhost} in the path of the file",
			})
			break
		} else {
			seen[group] = true
			groups = append(groups, group)
		}
		if len(mistakes) == maxListErrors {
			mistakes = append(mistakes, &conf.Error{Pos: conf.Pos{File: name}, Problem: "more mistakes; the lines after these are skipped"})
			break
		}
	}
	return groups, mistakes
}

// ReadGroups reads a groups_file. It returns an error if the file cannot be read, and otherwise what
// ParseGroups returns.
func ReadGroups(ctx context.Context, path string) (groups []string, mistakes conf.Errors, err error) {
	src, err := fsutil.ReadFile(ctx, path)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read groups_file: %w", err)
	}
	groups, mistakes = ParseGroups(path, src)
	return groups, mistakes, nil
}

// ListStats say how a groups_file is read.
type ListStats struct {
	File    string
	Groups  int    // that it names
	Problem string // why it cannot be read, or which lines are skipped; empty if all is well
}

// groupList is the groups_file of a log. Its fields belong to the goroutine that reads lists.
type groupList struct {
	s    *Subscriber
	r    *receiver
	log  *Log
	w    *writer
	base *route // without a group

	routes  map[string]*route // those of the list, and those that the last change has removed
	current map[string]bool   // groups of the list
	read    fs.FileInfo       // as it was read; nil if it could not be
	next    fs.FileInfo       // as it was seen since

	mu    sync.Mutex
	state ListStats
}

func (l *groupList) stats() ListStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

// openList reads the list of a log for the first time. One that cannot be read is logged, and read as
// soon as it can be.
func (s *Subscriber) openList(r *receiver, log *Log, w *writer, base *route) {
	l := &groupList{s: s, r: r, log: log, w: w, base: base, state: ListStats{File: log.GroupsFile}}
	s.lists, r.lists = append(s.lists, l), append(r.lists, l)
	if info, err := os.Stat(log.GroupsFile); err == nil {
		l.read = info
	}
	l.load(context.Background())
	r.restore(base, slices.Collect(maps.Keys(l.current)))
}

// followLists reads lists that have changed until ctx ends.
func (s *Subscriber) followLists(ctx context.Context) {
	look := time.NewTicker(listInterval)
	defer look.Stop()
	for {
		now := false
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		case <-s.relist:
			now = true
		}
		for _, l := range s.lists {
			if (l.changed() || now) && l.load(ctx) {
				l.r.publish()
				l.r.follow(ctx)
			}
		}
	}
}

// changed reports whether the file has changed since it was read, and not since the last look.
func (l *groupList) changed() bool {
	info, err := os.Stat(l.log.GroupsFile)
	if err != nil {
		if l.read == nil {
			return false // as before
		}
		l.read, l.next = nil, nil
		return true
	}
	if sameVersion(info, l.read) {
		l.next = nil
		return false
	}
	if !sameVersion(info, l.next) {
		l.next = info
		return false
	}
	l.read, l.next = info, nil
	return true
}

func sameVersion(a, b fs.FileInfo) bool {
	return b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && a.Mode() == b.Mode()
}

// load reads the list, and reports whether its groups have changed. If it cannot be read, they stay.
func (l *groupList) load(ctx context.Context) bool {
	groups, mistakes, err := ReadGroups(ctx, l.log.GroupsFile)
	if ctx.Err() != nil {
		return false
	}
	if err == nil && len(mistakes) > 0 {
		err = mistakes
	}
	unread := err != nil && mistakes == nil
	if unread {
		groups = slices.Collect(maps.Keys(l.current))
	}
	l.report(len(groups), err, unread)
	routes, current := make(map[string]*route), make(map[string]bool)
	added, removed := 0, 0
	for _, g := range groups {
		if current[g] = true; !l.current[g] {
			added++
			l.r.fixed.since[g] = uint64(max(0, l.s.cfg.Now().UnixNano()))
		}
		if routes[g] = l.routes[g]; routes[g] == nil {
			routes[g] = &route{g, l.base.logState}
		}
	}
	for g := range l.current {
		if !current[g] {
			removed++
			routes[g] = l.routes[g] // for what comes before the daemon has taken the leave
		}
	}
	if l.current != nil && added+removed == 0 {
		return false
	}
	l.routes, l.current = routes, current
	if !unread {
		l.s.cfg.Log.Info("read groups_file", slog.String("file", l.log.GroupsFile), slog.Int("groups", len(groups)),
			slog.Int("added", added), slog.Int("removed", removed))
	}
	return true
}

// report logs a problem of the list once, and its end.
func (l *groupList) report(groups int, err error, unread bool) {
	st := ListStats{File: l.log.GroupsFile, Groups: groups}
	if err != nil {
		st.Problem = err.Error()
	}
	l.mu.Lock()
	before := l.state.Problem
	l.state = st
	l.mu.Unlock()
	log := l.s.cfg.Log.With(slog.String("file", st.File), slog.Int("groups", groups))
	switch {
	case st.Problem == before:
	case unread && errors.Is(err, fs.ErrNotExist):
		log.Error("groups_file does not exist; create it, or correct its path; the groups stay as they are", slog.Any("error", err))
	case unread:
		log.Error("cannot read groups_file; let the user of logsub read it; the groups stay as they are", slog.Any("error", err))
	case err != nil:
		log.Error("groups_file has mistakes; its other lines count", slog.Any("error", err))
	default:
		log.Info("groups_file is right again")
	}
}

// table says where the messages of each group go. Once a receiver runs, its table does not change, but is
// replaced.
type table struct {
	plain, raw map[string][]target // raw: to logs that keep envelopes
	since      map[string]uint64   // streams of this epoch and above are expected from their first line on
}

func newTable() *table {
	return &table{plain: make(map[string][]target), raw: make(map[string][]target), since: make(map[string]uint64)}
}

func (t *table) has(group string) bool { return t.plain[group] != nil || t.raw[group] != nil }

// add adds a route for a group of a log.
func (t *table) add(l *Log, group string, w *writer, route *route) {
	to := t.plain
	if l.Envelope == EnvelopeRaw {
		to = t.raw
	}
	to[group] = addRoutes(to[group], w, route)
}

// clone returns a copy to which routes can be added.
func (t *table) clone() *table {
	return &table{plain: cloneTargets(t.plain), raw: cloneTargets(t.raw), since: maps.Clone(t.since)}
}

func cloneTargets(byGroup map[string][]target) map[string][]target {
	c := make(map[string][]target, len(byGroup))
	for group, targets := range byGroup {
		for _, x := range targets {
			c[group] = addRoutes(c[group], x.w, x.routes...)
		}
	}
	return c
}

// publish has the receiver use the groups of its lists.
func (r *receiver) publish() {
	if len(r.lists) == 0 {
		return
	}
	t := r.fixed.clone()
	for _, l := range r.lists {
		for group, route := range l.routes {
			if l.current[group] || !r.wants(group) {
				t.add(l.log, group, l.w, route)
			}
		}
	}
	r.table.Store(t)
}

// wants reports whether the configuration or a list has a group. It belongs to the goroutine that reads
// lists, once that runs.
func (r *receiver) wants(group string) bool {
	return r.fixed.has(group) || slices.ContainsFunc(r.lists, func(l *groupList) bool { return l.current[group] })
}

// follow joins and leaves groups, so that the client is in those of the configuration and of lists. It
// belongs to the goroutine that reads lists, once that runs.
func (r *receiver) follow(ctx context.Context) {
	want := make(map[string]bool)
	for group := range r.fixed.plain {
		want[group] = true
	}
	for group := range r.fixed.raw {
		want[group] = true
	}
	for _, l := range r.lists {
		maps.Copy(want, l.current)
	}
	r.count.groups.Store(int64(len(want)))
	for _, group := range slices.Sorted(maps.Keys(r.asked)) {
		if !want[group] && r.client.Leave(ctx, group) == nil {
			delete(r.asked, group)
		}
	}
	for _, group := range slices.Sorted(maps.Keys(want)) {
		if !r.asked[group] && r.client.Join(ctx, group) == nil {
			r.asked[group] = true
		}
	}
}
