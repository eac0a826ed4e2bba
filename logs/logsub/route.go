package logsub

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spreadd/spreadd/logs/internal/filter"
	"github.com/spreadd/spreadd/logs/internal/logline"
	"github.com/spreadd/spreadd/logs/internal/queue"
	"github.com/spreadd/spreadd/logs/internal/sink"
	"github.com/spreadd/spreadd/logs/internal/sink/logpath"
	"github.com/spreadd/spreadd/logs/internal/sink/sqlsink"
)

// route is a [Log] at work. Its writer owns it.
type route struct {
	group   string
	name    string // of its file or command, for counters
	match   []*regexp.Regexp
	filter  *filter.Filter // nil keeps all
	vhost   VhostWord
	clock   clock
	rewrite *logline.Rewriter // nil leaves lines alone
	timed   bool              // the line's time is needed
	index   *routeIndex       // nil without one

	perl   []byte   // the function of a log that has one, or nil
	lane   *lane    // of a sink that is no file, or nil
	static *outFile // of a template that has only one path
	tree   *tree    // else
	buf    []byte   // of rewritten lines

	count routeCount
}

// newRoute makes the route of a log; t is nil for sinks that are no files.
func newRoute(cfg *Config, l *Log, t *logpath.Template) *route {
	r := &route{
		group: l.Group, match: l.Match, vhost: l.Vhost, clock: clock{kind: l.Clock, zone: cfg.Zone},
		timed: l.Rewrite != "" || t != nil && t.Timed() || l.uses(sqlsink.Time),
	}
	if l.Vhost == VhostAuto {
		r.vhost = VhostNone
		if t != nil && t.Uses(logpath.Vhost) || l.uses(sqlsink.Vhost) {
			r.vhost = VhostStrip
		}
	}
	if len(l.Filter.Keep) > 0 || len(l.Filter.Drop) > 0 || l.Filter.Sample > 0 {
		r.filter = filter.New(l.Filter)
	}
	if l.Rewrite != "" {
		r.rewrite = logline.NewRewriter(l.format())
	}
	return r
}

// write writes a message, or counts why not.
func (r *route) write(w *writer, it *item, now time.Time) {
	var tag sink.Tag
	if r.index != nil && it.stream != nil {
		var isNew bool
		if tag, isNew = r.index.take(it, now); !isNew {
			w.s.dropMessage(dropRepeat, len(it.payload))
			it.stream.pub.repeats.Add(1)
			return
		}
	}
	line := it.payload
	w.touch(r)
	count := &r.count.batch
	if len(r.match) > 0 && !slices.ContainsFunc(r.match, func(re *regexp.Regexp) bool { return re.Match(line) }) {
		count.noMatch++
		return
	}
	if len(line) == 0 && r.perl == nil {
		return
	}
	vhost, rest := r.cutVhost(line)
	if r.filter != nil {
		switch r.filter.Keeps(line, rest) {
		case filter.Kept:
		case filter.Filtered:
			count.filtered++
			return
		case filter.NotInSample:
			count.notInSample++
			return
		}
	}
	if r.vhost != VhostKeep {
		line = rest
	}
	count.last = line
	at := now
	if r.timed {
		at = r.clock.at(line, now)
	}
	if r.rewrite != nil {
		r.buf = r.rewrite.Append(r.buf[:0], line, at)
		line = r.buf
	}
	count.lines++
	count.bytes += int64(len(line))
	if r.perl != nil {
		// A function has no use for the virtual host; its name is in that place.
		r.lane.queue.Put(&queue.Entry{Line: line, Group: r.group, Sender: it.sender, Vhost: r.perl, Time: at, Came: now})
		return
	}
	if r.lane != nil {
		r.lane.put(r.group, it.sender, vhost, at, now, line)
		return
	}
	f := r.static
	if f == nil {
		f = r.tree.find(w.files, r.group, it.sender, vhost, at)
	}
	w.files.append(f, line, tag)
}

// cutVhost takes the first word off a message's first line. A message without
// one has the empty host, and is kept whole.
func (r *route) cutVhost(line []byte) (vhost, rest []byte) {
	if r.vhost == VhostNone {
		return nil, line
	}
	i := bytes.IndexAny(line, " \n")
	if i <= 0 || line[i] == '\n' {
		return nil, line
	}
	return line[:i], line[i+1:]
}

// tree finds the files of a template that has many paths.
type tree struct {
	template *logpath.Template
	keep     *keeper
	monotone bool                // the time never goes back
	files    map[string]*outFile // by key
	key      []byte              // what tells the files apart: names and period

	last    *outFile // that of lastKey, or nil
	lastKey []byte

	period []byte // at second
	second int64

	current []byte // the latest period
	latest  int64  // a second of it
}

// find returns the file for a message.
func (t *tree) find(fs *files, group, sender string, vhost []byte, at time.Time) *outFile {
	var user, host string
	t.key = t.key[:0]
	for _, f := range t.template.Fields() {
		switch f {
		case logpath.Vhost:
			t.key = append(t.key, vhost...)
		case logpath.Host, logpath.User:
			user, host, _ = strings.Cut(strings.TrimPrefix(sender, "#"), "#")
			if f == logpath.User {
				t.key = append(t.key, user...)
			} else {
				t.key = append(t.key, host...)
			}
		case logpath.Group: // it is that of the log
		}
		t.key = append(t.key, 0)
	}
	if t.template.Timed() {
		if second := at.Unix(); second != t.second || t.period == nil {
			t.second, t.period = second, t.template.AppendPeriod(t.period[:0], at)
			if (t.current == nil || second > t.latest) && !bytes.Equal(t.period, t.current) {
				t.current, t.latest = append(t.current[:0], t.period...), second
				t.newPeriod(fs, t.monotone)
			}
		}
		t.key = append(t.key, t.period...)
	}
	if t.last != nil && bytes.Equal(t.key, t.lastKey) {
		return t.last
	}
	f := t.files[string(t.key)]
	if f == nil {
		path := t.template.Append(nil, &logpath.Names{
			logpath.Group: group, logpath.Vhost: string(vhost), logpath.Host: host, logpath.User: user,
		}, at)
		key := string(t.key)
		f = fs.make(string(path), t.template.Base(), t.keep)
		f.refs = append(f.refs, ref{t, key})
		t.files[key] = f
	}
	t.last, t.lastKey = f, append(t.lastKey[:0], t.key...)
	return f
}

// forget drops a file that is closed.
func (t *tree) forget(key string, f *outFile) {
	delete(t.files, key)
	if t.last == f {
		t.last = nil
	}
}
