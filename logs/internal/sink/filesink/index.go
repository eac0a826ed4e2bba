package filesink

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/logs/internal/lineindex"
	"github.com/spreadd/spreadd/logs/internal/sink"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logfile"
)

// index is what an outlet knows of the lines that came, also before a restart.
type index struct {
	ledger    *lineindex.Ledger
	label     string
	everyLine bool

	key  string // of the stream of the previous line
	last *lineindex.Stream
}

// openIndex opens the ledger of a template and returns what an outlet needs of it.
func (fs *Files) openIndex(k *keeper, l *Log, now time.Time) (*index, error) {
	if k.ledger == nil {
		ledger, err := lineindex.OpenLedger(k.disk, l.Template.String(), l.Template.Base(), now)
		if err != nil {
			return nil, err
		}
		k.ledger = ledger
		fs.mu.Lock()
		fs.closed.Torn += int64(len(ledger.Torn))
		fs.mu.Unlock()
		for _, path := range ledger.Torn {
			fs.opt.OnTorn(path, "removed")
		}
		if ledger.SetAside != "" {
			fs.cfg.Log.Error("the ledger is damaged; set aside, and rebuilt from the indexes; lines whose files were removed may be written again", slog.String("file", ledger.SetAside))
		}
		fs.indexed = append(fs.indexed, k)
		fs.unsaved(k, ledger.Unsaved, now)
	}
	k.labels[l.Group]++
	label := indexLabel(l.Group, k.labels[l.Group])
	k.ledger.Begin(label, now)
	return &index{ledger: k.ledger, label: label, everyLine: l.EveryLine}, nil
}

// indexLabel names, in an index, the nth log for a group in the same file. A line for that group is
// in the file once for each.
func indexLabel(group string, n int) string {
	if n == 1 {
		return group
	}
	return fmt.Sprintf("%s %d", group, n)
}

// stream returns what is known of a stream of lines.
func (x *index) stream(key string, now time.Time) *lineindex.Stream {
	if x.last == nil || key != x.key || !x.last.Known() {
		x.key, x.last = key, x.ledger.Stream(lineindex.Name{Label: x.label, Key: key}, now)
	}
	x.last.Use(now)
	return x.last
}

// Restored calls use with each stream of a log with an index that leaves no line out, and with the
// number after its last line before this start: what is missing from there on was lost in between.
func (o *Outlet) Restored(use func(stream string, next uint64)) {
	if o.index == nil || !o.index.everyLine {
		return
	}
	o.index.ledger.Streams(func(s *lineindex.Stream) {
		if s.Label == o.index.label {
			use(strings.Clone(s.Key), max(s.Have.Next(), s.Next))
		}
	})
}

// Since returns the epoch from which on streams are expected from their first line on: those that began
// after the log had an index. It returns false for a log without one, or that leaves lines out.
func (o *Outlet) Since() (epoch uint64, ok bool) {
	if o.index == nil || !o.index.everyLine {
		return 0, false
	}
	return o.index.ledger.Since(o.index.label), true
}

// Store returns a random number that is lost with the index and its ledger; 0 if the log has none.
func (o *Outlet) Store() uint64 {
	if o.index == nil {
		return 0
	}
	return o.index.ledger.Store()
}

// Exist notes that lines of a stream have numbers below next, whether or not they have come.
func (o *Outlet) Exist(stream string, next uint64, now time.Time) {
	o.index.stream(stream, now).Exist(next)
}

// Written calls use with each stream of a log with an index, and with the numbers of its lines before this start that are written
// or were left out on purpose.
func (o *Outlet) Written(use func(stream string, spans []envelope.Span)) {
	if o.index == nil {
		return
	}
	o.index.ledger.Streams(func(s *lineindex.Stream) {
		if s.Label == o.index.label {
			use(strings.Clone(s.Key), s.Have.Spans())
		}
	})
}

// journal returns what keeps the index of a file, or nil.
func (k *keeper) journal() logfile.Journal {
	if k.ledger == nil {
		return nil
	}
	return k.ledger.Writer()
}

// checkpoint has the ledgers record which lines came, if it is time. That must be while nothing
// waits for a file, because what waits would count as written.
func (fs *Files) checkpoint() {
	for _, k := range fs.indexed {
		if !k.ledger.Due() || fs.now.Before(k.retryFrom) || fs.waits(k) {
			continue
		}
		if fs.cfg.Sync != logfile.SyncNever && fs.Sync() != nil {
			return // otherwise a power cut could leave a line in the ledger alone, and it would never be written again
		}
		fs.unsaved(k, k.ledger.Checkpoint(fs.now), fs.now)
	}
}

// unsaved reports a failed checkpoint, which is tried again later. It does nothing without an error.
func (fs *Files) unsaved(k *keeper, err error, now time.Time) {
	if err == nil {
		return
	}
	k.retryFrom = now.Add(sink.ComplainInterval)
	fs.cfg.Log.Error("cannot write the ledger checkpoint; recovery after a crash will take longer until this succeeds; free some space or make the directory writable",
		slog.Any("error", err))
}

// waits reports whether something waits for a file of a keeper.
func (fs *Files) waits(k *keeper) bool {
	for _, f := range fs.all {
		if f.keep == k && (f.dirty || f.Failing() || f.File.Stats().Waiting > 0) {
			return true
		}
	}
	return false
}

// closeLedgers closes the ledgers. settled means that all lines are in the files.
func (fs *Files) closeLedgers(settled bool) error {
	var errs []error
	for _, k := range fs.indexed {
		errs = append(errs, k.ledger.Close(settled, time.Now()))
	}
	fs.indexed = nil
	return errors.Join(errs...)
}
