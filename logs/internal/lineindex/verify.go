package lineindex

import (
	"bufio"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spreadd/spreadd/logs/internal/envelope"
)

// Finding is what is wrong with a log file, or its index.
type Finding struct {
	File string
	// Off is where, in the content of the file; -1 if it is nowhere.
	Off  int64
	What string
}

// String says it in one line.
func (f *Finding) String() string {
	if f.Off < 0 {
		return f.File + ": " + f.What
	}
	return fmt.Sprintf("%s: at byte %d: %s", f.File, f.Off, f.What)
}

// Summary is what [Verify] has seen.
type Summary struct {
	Files   int
	Bytes   int64
	Lines   int64 // with names
	Repeats int64 // of these, such that the files have more than once
	Unnamed int64 // bytes of which nothing is known, lines that had no envelope among them
	Damaged int64 // bytes that are not what was written, or that no index speaks of
	// Missing are the numbers that are passed over, by stream. Lines that a filter took out are
	// among them.
	Missing []Missing
}

// Missing is a row of lines of a log that is in none of its files.
type Missing struct {
	Template string
	Label    string
	Origin   envelope.Origin
	envelope.Span
}

// Verify compares the log files below a directory, or one file, with their indexes. It calls found with what
// is wrong; gaps are in the summary. The error is one of reading. A file that is being
// written may be ahead of its index or behind.
func Verify(path string, found func(*Finding)) (Summary, error) {
	indexes, err := list(path, false)
	if err != nil {
		return Summary{}, err
	}
	if len(indexes) == 0 {
		return Summary{}, errNoIndexes(path)
	}
	v := &verifier{root: path, found: found, logs: make(map[string]*names)}
	for _, file := range indexes {
		if err := v.file(file); err != nil {
			return v.sum, fmt.Errorf("%s: %w", file, err)
		}
	}
	v.missing()
	return v.sum, nil
}

func errNoIndexes(path string) error {
	return fmt.Errorf("%s has no indexes: they are written with envelope = \"index\", and are named .FILE%s", path, indexExt)
}

// list returns the log files below a path that have an index, sorted; with unfinished also those whose index a fill has not
// put in its place.
func list(path string, unfinished bool) ([]string, error) {
	st, err := os.Stat(path)
	if err != nil && compressedOf(path) == "" {
		return nil, err
	}
	if err != nil || !st.IsDir() {
		if _, err := os.Stat(Path(path)); err != nil {
			return nil, fmt.Errorf("%s has no index: it is written with envelope = \"index\": %w", path, err)
		}
		return []string{plain(path)}, nil
	}
	var files []string
	err = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if next, ok := strings.CutSuffix(p, nextExt); ok && unfinished {
			p = next + indexExt
		}
		if file, ok := fileOf(p); err == nil && ok && d.Type().IsRegular() {
			files = append(files, file)
		}
		return err
	})
	slices.Sort(files)
	return slices.Compact(files), err
}

type verifier struct {
	root  string
	found func(*Finding)
	sum   Summary
	logs  map[string]*names // by template, as in the tree
}

func (v *verifier) tell(file string, off int64, format string, args ...any) {
	v.found(&Finding{file, off, fmt.Sprintf(format, args...)})
}

// file verifies one.
func (v *verifier) file(file string) error {
	v.sum.Files++
	f, err := os.Open(Path(file))
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // it is only read
	if _, ok, err := readHeader(f); err != nil || !ok {
		v.tell(file, -1, "its index is none")
		return err
	}
	content, err := openContent(file)
	if errors.Is(err, fs.ErrNotExist) {
		v.tell(file, -1, "there is an index, but no file")
		return nil
	}
	if err != nil {
		return err
	}
	defer content.Close() //nolint:errcheck // it is only read
	in := bufio.NewReaderSize(content, 256<<10)
	r := &reader{s: newScanner(io.NewSectionReader(f, headerLen, 1<<62), headerLen)}
	var data []byte
	at := int64(0)
	for {
		b, err := r.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if errors.Is(err, ErrDamaged) {
			v.tell(file, at, "the index is damaged from here on: %v", err)
			break
		}
		if err != nil {
			return err
		}
		if b.start != at {
			v.tell(file, at, "the index goes on at byte %d", b.start)
			v.sum.Damaged += max(0, b.start-at)
			if b.start < at {
				return nil
			}
			if _, err := io.CopyN(io.Discard, in, b.start-at); err != nil && !errors.Is(err, io.EOF) {
				return err
			}
		}
		if len(b.lines) == 1 && b.lines[0].Name == nil {
			n, err := io.CopyN(io.Discard, in, b.n)
			if err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			v.sum.Unnamed += n
			if at = b.start + n; n < b.n {
				v.short(file, at, b.n-n)
				return nil
			}
			continue
		}
		data = slices.Grow(data[:0], int(b.n))[:b.n]
		n, err := io.ReadFull(in, data)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return err
		}
		at = b.start + int64(n)
		v.batch(file, r.d.template, b, data[:n])
		if int64(n) < b.n {
			return nil
		}
	}
	rest, err := io.Copy(io.Discard, in)
	if rest > 0 {
		v.tell(file, at, "%d bytes are not in the index", rest)
		v.sum.Damaged += rest
	}
	v.sum.Bytes += at + rest
	return err
}

// short tells that a file lacks bytes that its index has.
func (v *verifier) short(file string, at, n int64) {
	v.tell(file, at, "the file ends here; the index has %d bytes more", n)
	v.sum.Damaged += n
}

// batch verifies a batch and what the file has in its place.
func (v *verifier) batch(file, template string, b *batch, data []byte) {
	switch {
	case int64(len(data)) < b.n:
		v.short(file, b.start+int64(len(data)), b.n-int64(len(data)))
	case b.checked && crc32.Checksum(data, castagnoli) != b.crc:
		v.tell(file, b.start, "%d bytes are not what was written", b.n)
		v.sum.Damaged += b.n
	}
	seen := v.logs[v.key(file, template)]
	if seen == nil {
		seen = &names{}
		v.logs[v.key(file, template)] = seen
	}
	for i := range b.lines {
		l := &b.lines[i]
		if l.Name == nil {
			v.sum.Unnamed += l.Len
			continue
		}
		v.sum.Lines++
		if end := l.Off + l.Len - b.start; end <= int64(len(data)) && (l.Len == 0 || data[end-1] != '\n') {
			v.tell(file, l.Off, "no line ends where the index says")
		}
		if !seen.add(l) {
			v.sum.Repeats++
			o, _ := envelope.ParseOrigin([]byte(l.Name.Key))
			v.tell(file, l.Off, "line %d of stream %d of %s (epoch %d) is there once more", l.Seq, o.Stream, o.Publisher, o.Epoch)
		}
	}
}

// key names the log that a file is of, whatever the tree's place on this host.
func (v *verifier) key(file, template string) string { return logKey(v.root, file, template) }

// logKey is the end of a template that has as many elements as the path of a file has below a root.
func logKey(root, file, template string) string {
	rel, err := filepath.Rel(root, file)
	if err != nil || rel == "." {
		return template
	}
	elements := strings.Split(template, "/")
	n := min(len(elements), strings.Count(filepath.ToSlash(rel), "/")+1)
	return strings.Join(elements[len(elements)-n:], "/")
}

// missing finds the gaps.
func (v *verifier) missing() {
	for template, log := range v.logs {
		for name, b := range log.byName {
			o, err := envelope.ParseOrigin([]byte(name.Key))
			if err != nil {
				continue
			}
			b.gaps(func(s envelope.Span) {
				v.sum.Missing = append(v.sum.Missing, Missing{template, name.Label, o, s})
			})
		}
	}
	slices.SortFunc(v.sum.Missing, func(a, b Missing) int { return strings.Compare(a.String(), b.String()) })
}

// String says it in one line.
func (m Missing) String() string {
	return fmt.Sprintf("%s: %d lines of stream %d of %s (epoch %d) for %s are missing: %d to %d",
		m.Template, m.Last-m.First+1, m.Origin.Stream, m.Origin.Publisher, m.Origin.Epoch, m.Label, m.First, m.Last)
}
