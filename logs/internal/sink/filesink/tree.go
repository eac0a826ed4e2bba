package filesink

import (
	"bytes"
	"strings"
	"time"

	"github.com/spreadd/spreadd/logs/internal/sink"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logpath"
)

// tree finds the files of a template with many paths.
type tree struct {
	template *logpath.Template
	keep     *keeper
	monotone bool                // the time never goes back
	files    map[string]*outFile // by key
	key      []byte              // what distinguishes the files: names and period

	last    *outFile // the file of lastKey, or nil
	lastKey []byte

	period []byte // at second
	second int64

	current []byte // the latest period
	latest  int64  // a second of it
}

// find returns the file of a line.
func (t *tree) find(fs *Files, l *sink.Line) *outFile {
	t.key = t.key[:0]
	for _, f := range t.template.Fields() {
		switch f {
		case logpath.VHost:
			t.key = append(t.key, l.VHost...)
		case logpath.User:
			user, _ := cutSender(l.Sender)
			t.key = append(t.key, user...)
		case logpath.Host:
			_, host := cutSender(l.Sender)
			t.key = append(t.key, host...)
		case logpath.Group:
			t.key = append(t.key, l.Group...)
		}
		t.key = append(t.key, 0)
	}
	if t.template.Timed() {
		t.key = append(t.key, t.periodOf(fs, l.Time)...)
	}
	if t.last != nil && bytes.Equal(t.key, t.lastKey) {
		return t.last
	}
	f := t.files[string(t.key)]
	if f == nil {
		user, host := cutSender(l.Sender)
		path := t.template.Append(nil, &logpath.Names{
			logpath.Group: l.Group, logpath.VHost: string(l.VHost), logpath.Host: host, logpath.User: user,
		}, l.Time)
		key := string(t.key)
		f = fs.make(string(path), t.template.Base(), t.keep)
		f.refs = append(f.refs, ref{t, key})
		t.files[key] = f
	}
	t.last, t.lastKey = f, append(t.lastKey[:0], t.key...)
	return f
}

// cutSender returns the parts of a private name, "#user#host".
func cutSender(sender string) (user, host string) {
	user, host, _ = strings.Cut(strings.TrimPrefix(sender, "#"), "#")
	return user, host
}

// periodOf returns the period of a time, which is what the template makes of it.
func (t *tree) periodOf(fs *Files, at time.Time) []byte {
	second := at.Unix()
	if second == t.second && t.period != nil {
		return t.period
	}
	t.second, t.period = second, t.template.AppendPeriod(t.period[:0], at)
	if (t.current == nil || second > t.latest) && !bytes.Equal(t.period, t.current) {
		t.current, t.latest = append(t.current[:0], t.period...), second
		t.newPeriod(fs)
	}
	return t.period
}

// newPeriod closes the files of the previous period, whose lines have all come if the time does not
// go back.
func (t *tree) newPeriod(fs *Files) {
	if t.monotone {
		for _, f := range t.files {
			fs.release(f)
		}
	}
	if t.keep.archiver != nil {
		t.keep.archiver.Period(string(t.current))
	}
}

// forget drops a file that is closed.
func (t *tree) forget(key string, f *outFile) {
	delete(t.files, key)
	if t.last == f {
		t.last = nil
	}
}
