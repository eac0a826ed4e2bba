package logsub

import (
	"regexp"
	"slices"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/logs/internal/logline"
	"github.com/spreadd/spreadd/logs/internal/sink"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink"
)

// route is the way of the lines of a group into a [Log].
type route struct {
	group string
	*logState
}

// logState is a [Log] at work: what happens to a line between its group and its sink. The groups of a
// groups_file share it. Its writer owns it.
type logState struct {
	name    string // of the file, or the label of another sink; for metrics
	list    string // the groups_file; empty for one group
	match   []*regexp.Regexp
	filter  *logline.Filter // nil keeps all lines
	vhost   logline.VHostWord
	fields  logline.Fields // for SplitVHost
	timer   logline.Timer
	times   logline.Times
	timed   bool              // the sink or the rewriter needs the time of the line
	rewrite *logline.Rewriter // nil leaves lines alone
	index   *filesink.Outlet  // of a log with an index; nil otherwise
	file    *filesink.Outlet  // of a log that goes to files; nil otherwise
	failing atomic.Bool       // one of the files cannot be written
	out     sink.Outlet
	empty   bool   // the sink takes empty lines
	buf     []byte // the rewritten line
	clean   []byte // the line with the normal form of its virtual host

	count routeCount
}

// newRoute returns the route of a log. vhost and timed say that the sink needs the virtual host and
// the time of a line.
func (s *Subscriber) newRoute(l *Log, name string, out sink.Outlet, vhost, timed bool) *route {
	r := &route{l.Group, &logState{
		name: name, list: l.GroupsFile, match: l.Match, vhost: l.VHost, timer: logline.NewTimer(l.Clock, s.cfg.Zone),
		timed: l.Rewrite != "" || timed, out: out, empty: l.Perl != "",
	}}
	if l.VHost == logline.VHostAuto {
		r.vhost = logline.VHostNone
		if vhost {
			r.vhost = logline.VHostStrip
		}
	}
	if l.Filter.Active() {
		r.filter = logline.NewFilter(l.Filter)
	}
	if l.Rewrite != "" {
		r.rewrite = logline.NewRewriter(l.format())
	}
	return r
}

// write puts a message into the sink, or counts why not. It returns false if the sink has no room.
func (r *route) write(w *writer, it *item, now time.Time) bool {
	l := &w.line
	l.Text, l.Group, l.Sender, l.VHost, l.Stream = it.payload, r.group, it.sender, nil, ""
	if it.stream != nil && !it.stream.unnamed {
		l.Stream, l.Seq = it.stream.key, it.seq
		if r.index != nil && !r.index.IsNew(l.Stream, l.Seq, now) {
			w.s.dropMessage(dropRepeat, len(it.payload))
			it.stream.pub.repeats.Add(1)
			r.passTime(l, now)
			return true
		}
	}
	w.touch(r)
	if !r.keeps(l) {
		return true
	}
	count := &r.count.batch
	count.last = l.Text
	l.Time = now
	if r.timed {
		stamp := r.times.Find(l.Text)
		if !stamp.Found() {
			count.untimed++
		}
		l.Time = r.timer.At(&stamp, now)
		if r.rewrite != nil {
			r.buf = r.rewrite.Append(r.buf[:0], l.Text, &stamp, l.Time)
			l.Text = r.buf
		}
	}
	count.lines++
	count.bytes += int64(len(l.Text))
	return r.out.Put(l)
}

// exist notes that lines of a stream exist, whether or not they have come.
func (r *route) exist(it *item, now time.Time) {
	if r.index != nil {
		r.index.Exist(it.stream.key, it.seq, now)
	}
}

// passTime has the clock see a line that another log host brought before it came: the lines behind
// it get the time that they have there.
func (r *route) passTime(l *sink.Line, now time.Time) {
	if !r.timed {
		return
	}
	count := r.count.batch
	if r.keeps(l) {
		stamp := r.times.Find(l.Text)
		r.timer.At(&stamp, now)
	}
	r.count.batch = count
}

// keeps applies the patterns and the filter of the log, and takes the virtual host off a line. It
// counts a line that is left out.
func (r *route) keeps(l *sink.Line) bool {
	message := l.Text
	count := &r.count.batch
	if len(r.match) > 0 && !slices.ContainsFunc(r.match, func(re *regexp.Regexp) bool { return re.Match(message) }) {
		count.noMatch++
		return false
	}
	if len(message) == 0 && !r.empty {
		return false
	}
	vhost, rest := []byte(nil), message
	if r.vhost != logline.VHostNone {
		vhost, rest = r.fields.SplitVHost(message)
	}
	if r.filter != nil {
		switch r.filter.Judge(message, rest) {
		case logline.Kept:
		case logline.Filtered:
			count.filtered++
			return false
		case logline.NotInSample:
			count.notInSample++
			return false
		}
	}
	switch l.VHost = vhost; {
	case r.vhost == logline.VHostStrip:
		l.Text = rest
	case r.vhost == logline.VHostClean && len(vhost) > 0:
		r.clean = logline.AppendVHost(r.clean[:0], vhost)
		n := len(r.clean)
		l.VHost = r.clean[:n:n]
		if len(rest) < len(message) { // in front, not a field of JSON
			r.clean = append(append(r.clean, ' '), rest...)
			l.VHost, l.Text = r.clean[:n], r.clean
		}
	}
	return true
}
