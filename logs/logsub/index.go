package logsub

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spreadd/spreadd/logs/internal/lineindex"
	"github.com/spreadd/spreadd/logs/internal/sink"
	"github.com/spreadd/spreadd/logs/internal/sink/logpath"
)

var (
	errIndexCommand = errors.New("commands and tables have no index: that is for files")
	errIndexLock    = errors.New("files that are not locked cannot have an index, since others write them too: leave one of both out")
)

// routeIndex is what a route knows of lines that have come, over the end of logsub.
type routeIndex struct {
	ledger *lineindex.Ledger
	label  string
	whole  bool // the route writes all lines

	from *stream // the one of the line before,
	to   *lineindex.Stream
}

// index opens the ledger of a template, unless there is to be none, and returns what the route of a log
// needs.
func (fs *files) index(k *keeper, t *logpath.Template, l *Log, now time.Time) (*routeIndex, error) {
	if l.Envelope != EnvelopeIndex {
		return nil, nil
	}
	if k.ledger == nil {
		ledger, err := lineindex.OpenLedger(t.String(), t.Base(), now)
		if err != nil {
			return nil, err
		}
		k.ledger = ledger
		fs.indexed = append(fs.indexed, k)
	}
	k.labels[l.Group]++
	return &routeIndex{
		ledger: k.ledger, label: indexLabel(l.Group, k.labels[l.Group]),
		whole: len(l.Match) == 0 && len(l.Filter.Keep) == 0 && len(l.Filter.Drop) == 0 && l.Filter.Sample == 0,
	}, nil
}

// indexLabel is the name in an index of the nth log with a group in the same file. A line
// to that group is in the file once for each.
func indexLabel(group string, n int) string {
	if n == 1 {
		return group
	}
	return fmt.Sprintf("%s %d", group, n)
}

// journal returns what keeps the index of a file, or nil.
func (k *keeper) journal() sink.Journal {
	if k.ledger == nil {
		return nil
	}
	return k.ledger.Writer()
}

// take notes that a line has come, and returns its name; or that it came before.
func (x *routeIndex) take(it *item, now time.Time) (tag sink.Tag, isNew bool) {
	if it.stream != x.from || !x.to.Known() {
		x.from, x.to = it.stream, x.ledger.Stream(lineindex.Name{Label: x.label, Key: it.stream.key}, now)
	}
	x.to.Use(now)
	return sink.Tag{Source: x.to.Source, Number: it.seq}, x.to.Have.Add(it.seq)
}

// remember tells a receiver how far the lines of a route had come before this start, so that
// it sees what is missing since.
func (r *receiver) remember(route *route) {
	if route.index == nil || !route.index.whole {
		return
	}
	route.index.ledger.Streams(func(s *lineindex.Stream) {
		if s.Label != route.index.label {
			return
		}
		if known := r.streams.find([]byte(strings.Clone(s.Key)), time.Now(), &r.publishers); known != nil {
			known.known, known.first = true, max(known.first, s.Have.Next())
		}
	})
}

// checkpoint has the ledgers write down what has come, if it is time. Nothing is to wait for a file then, since what waits
// would count as written.
func (fs *files) checkpoint() {
	for _, k := range fs.indexed {
		if !k.ledger.Due() || fs.now.Before(k.retryFrom) || fs.waits(k) {
			continue
		}
		if err := k.ledger.Checkpoint(fs.now); err != nil {
			k.retryFrom = fs.now.Add(complainInterval)
			fs.log.Error("what has come cannot be written down; a start after a crash takes longer until that works", slog.Any("error", err))
		}
	}
}

// waits reports whether something waits for a file of a keeper.
func (fs *files) waits(k *keeper) bool {
	for _, f := range fs.all {
		if f.keep == k && (f.dirty || f.Failing() || f.Stats().Waiting > 0) {
			return true
		}
	}
	return false
}

// closeLedgers closes the ledgers; all lines are in the files if settled.
func (fs *files) closeLedgers(settled bool) error {
	var errs []error
	for _, k := range fs.indexed {
		errs = append(errs, k.ledger.Close(settled, time.Now()))
	}
	fs.indexed = nil
	return errors.Join(errs...)
}
