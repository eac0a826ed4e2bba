package lineindex

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/internal/fsutil"
)

// readLedgers reads the ledgers below the root.
func (v *verifier) readLedgers() error {
	return fsutil.WalkDir(v.disk, v.root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || !strings.HasSuffix(p, ledgerExt) {
			return err
		}
		l, err := peek(v.disk, p)
		if errors.Is(err, ErrDamaged) {
			v.reportf(p, -1, "the ledger is damaged; remove it while logsub does not run")
			return nil
		}
		if err != nil || l.template == "" { // of version 1
			return err
		}
		if rel, err := filepath.Rel(v.root, filepath.Dir(p)); err == nil {
			v.ledger[lastElements(l.template, depth(rel)+depth(l.rest()))] = l
		}
		return nil
	})
}

// depth returns the number of elements of a path.
func depth(path string) int {
	if path == "." {
		return 0
	}
	return strings.Count(filepath.ToSlash(path), "/") + 1
}

// peek reads a ledger that a program may be using. What that has not written yet is in the indexes.
func peek(disk fsutil.FS, path string) (*Ledger, error) {
	f, err := disk.OpenFile(path, os.O_RDONLY, 0, false)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it is only read
	l := &Ledger{
		disk: disk, path: path, f: f, since: make(map[string]uint64), byName: make(map[Name]*Stream), bySource: make(map[uint32]*Stream),
	}
	_, err = l.read()
	return l, err
}

// rest returns the part of the template below the ledger's directory, which may be elsewhere by now.
func (l *Ledger) rest() string {
	for i := len(l.template) - 1; i > 0; i-- {
		if l.template[i] == '/' && filepath.Base(LedgerPath(l.template, l.template[:i])) == filepath.Base(l.path) {
			return l.template[i+1:]
		}
	}
	return filepath.Base(l.template)
}

// missing finds the lines that are in no file.
func (v *verifier) missing() {
	for template, log := range v.logs {
		l := v.ledger[template]
		if l == nil {
			v.sum.NoLedger = append(v.sum.NoLedger, template)
		}
		for name, b := range log {
			v.missingOf(template, l, name, b)
		}
	}
	for template, l := range v.ledger {
		for name := range l.byName {
			if v.logs[template][name] == nil {
				v.missingOf(template, l, name, nil)
			}
		}
	}
	slices.Sort(v.sum.NoLedger)
	slices.SortFunc(v.sum.Missing, func(a, b Missing) int { return strings.Compare(a.String(), b.String()) })
}

// missingOf finds the lines of a stream that are in no file. b are those in files; l is nil without a
// ledger.
func (v *verifier) missingOf(template string, l *Ledger, name Name, b bits) {
	o, err := envelope.ParseOrigin([]byte(name.Key))
	if err != nil {
		return
	}
	var next, end uint64 // the first number that is not accounted for, and the one behind the last
	begun := false
	var have []envelope.Span
	if l != nil {
		begun = l.whole(name)
		if s := l.byName[name]; s != nil {
			have, end = s.Have.Spans(), max(s.Have.Next(), s.Next)
		}
	}
	m := Missing{Template: template, Label: name.Label, Origin: o}
	for s := range b.spans() {
		if begun && next < s.First {
			v.gap(m, envelope.Span{First: next, Last: s.First - 1}, have)
		}
		next, begun = s.Last+1, true
	}
	if !begun && len(have) > 0 {
		next, begun = have[0].First, true
	}
	if begun && next < end {
		v.gap(m, envelope.Span{First: next, Last: end - 1}, have)
	}
}

// gap takes numbers that are in no file. Those that the ledger has came; the others are missing.
func (v *verifier) gap(m Missing, gap envelope.Span, have []envelope.Span) {
	for _, h := range have {
		if h.Last < gap.First || h.First > gap.Last {
			continue
		}
		if h.First > gap.First {
			m.Span = envelope.Span{First: gap.First, Last: h.First - 1}
			v.sum.Missing = append(v.sum.Missing, m)
		}
		v.sum.Gone += min(h.Last, gap.Last) - max(h.First, gap.First) + 1
		if h.Last >= gap.Last {
			return
		}
		gap.First = h.Last + 1
	}
	m.Span = gap
	v.sum.Missing = append(v.sum.Missing, m)
}

// String returns the whole finding in one line.
func (m Missing) String() string {
	return fmt.Sprintf("%s: %d lines of stream %d of %s (epoch %d) for %s are missing: %d to %d",
		m.Template, m.Last-m.First+1, m.Origin.Stream, m.Origin.Publisher, m.Origin.Epoch, m.Label, m.First, m.Last)
}
