package filesink

import (
	"fmt"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/logs/internal/sink"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logfile"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logpath"
)

// Log says where the lines of one log go.
type Log struct {
	// Group distinguishes logs with the same template in their index.
	Group    string
	Template *logpath.Template
	Keep     Keeping
	// Access is that of its files, of those beside them, and of directories that are made for them.
	Access fsutil.Permissions
	// Index keeps an index beside each file, of the lines with envelopes.
	Index bool
	// EveryLine means that no filter leaves lines out, so that a gap in the index is a lost line.
	EveryLine bool
	// BackAndForth means that the times of the lines do not only grow.
	BackAndForth bool
}

// Outlet is where the lines of one log enter. It is a [sink.Outlet].
type Outlet struct {
	files  *Files
	static *outFile // of a template with only one path
	tree   *tree    // otherwise
	index  *index   // nil without one
}

// Open returns the outlet of a log. A file that has only one path is opened now.
func (fs *Files) Open(l Log, now time.Time) (o *Outlet, err error) {
	t := l.Template
	keep, err := fs.keeper(&l)
	if err != nil {
		return nil, err
	}
	if !t.Static() {
		// A missing directory is reported now, rather than with the first line.
		if st, err := fs.cfg.Disk.Stat(t.Base()); err != nil || !st.IsDir() {
			return nil, fmt.Errorf("directory %s does not exist: make it; directories below it are made as needed", t.Base())
		}
	}
	o = &Outlet{files: fs}
	if l.Index {
		if o.index, err = fs.openIndex(keep, &l, now); err != nil {
			return nil, err
		}
	}
	if t.Static() {
		o.static, err = fs.openFixed(string(t.Append(nil, &logpath.Names{}, time.Time{})), keep)
		return o, err
	}
	o.tree = &tree{template: t, keep: keep, files: make(map[string]*outFile), monotone: !l.BackAndForth}
	return o, nil
}

// Indexed reports whether the log has an index.
func (o *Outlet) Indexed() bool { return o.index != nil }

// IsNew notes that a line of a log with an index has come, and reports whether it came for the
// first time.
func (o *Outlet) IsNew(stream string, seq uint64, now time.Time) bool {
	return o.index.stream(stream, now).Have.Add(seq)
}

// Put implements [sink.Outlet].
func (o *Outlet) Put(l *sink.Line) bool {
	if len(l.Text) == 0 {
		return true
	}
	fs := o.files
	fs.now = l.Received
	f := o.static
	if f == nil {
		f = o.tree.find(fs, l)
	}
	var tag logfile.Tag
	if o.index != nil && l.Stream != "" {
		tag = logfile.Tag{Source: o.index.stream(l.Stream, l.Received).Source, Number: l.Seq}
	}
	if fs.append(f, l.Text, tag) {
		return true
	}
	if o.index != nil && l.Stream != "" {
		o.index.stream(l.Stream, l.Received).Have.Remove(l.Seq) // so that it is taken when it comes again
	}
	return false
}

// Failing reports whether lines wait for a file that cannot be written.
func (o *Outlet) Failing() bool {
	if o.files.failing.Load() == 0 {
		return false
	}
	if o.static != nil {
		return o.static.File.Failing()
	}
	for _, f := range o.tree.files {
		if f.File.Failing() {
			return true
		}
	}
	return false
}
