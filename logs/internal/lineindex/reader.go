package lineindex

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/archive"
)

type reader struct {
	s *scanner
	d decoder
	b batch
}

// next returns the next batch, which is valid until the next call. The errors are those of the
// scanner.
func (r *reader) next() (*batch, error) {
	for {
		at := r.s.at
		payload, err := r.s.next()
		if err != nil {
			return nil, err
		}
		ok, err := r.d.decode(payload, &r.b)
		if err != nil {
			return nil, fmt.Errorf("the record at %d: %w", at, err)
		}
		if ok {
			r.b.at, r.b.next = at, r.s.at
			return &r.b, nil
		}
	}
}

// replay calls use with each line of an index that has a name: from an offset on if the index has
// the generation, and otherwise from its beginning. A torn end is ignored.
func replay(disk fsutil.FS, index string, generation uint64, from int64, use func(*Line)) error {
	f, err := disk.OpenFile(index, os.O_RDONLY, 0, false)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // it is only read
	g, ok, err := readHeader(f)
	if err != nil || !ok {
		return err
	}
	if g != generation || from < headerLen {
		from = headerLen
	}
	st, err := f.Stat()
	if err != nil {
		return err
	}
	r := &reader{s: newScanner(io.NewSectionReader(f, from, max(0, st.Size()-from)), from)}
	for {
		b, err := r.next()
		if errors.Is(err, io.EOF) || errors.Is(err, ErrDamaged) {
			return nil
		}
		if err != nil {
			return err
		}
		for i := range b.lines {
			if b.lines[i].Name != nil {
				use(&b.lines[i])
			}
		}
	}
}

// openContent returns the whole content of a log file: the compressed part, followed by the plain
// part. While that is being compressed, or after a kill, the compressed part may have it already.
func openContent(disk fsutil.FS, file string) (io.ReadCloser, error) {
	file = plain(file)
	for range 10 {
		// In this order: a compressed file is there before the plain one is removed.
		rest, err := disk.OpenFile(file, os.O_RDONLY, 0, false)
		if errors.Is(err, fs.ErrNotExist) {
			rest = nil
		} else if err != nil {
			return nil, err
		}
		packed := compressedOf(disk, file)
		switch {
		case packed == "" && rest == nil:
			return nil, err
		case packed == "":
			return rest, nil
		case rest == nil:
			return archive.OpenContent(disk, packed)
		}
		r, err := openBoth(disk, packed, rest)
		if err != nil {
			return nil, errors.Join(err, rest.Close())
		}
		if r != nil {
			return r, nil
		}
		if err := rest.Close(); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%s: %w", file, ErrChanged)
}

// openBoth opens a compressed file that an open plain one follows; nil if it was replaced meanwhile.
func openBoth(disk fsutil.FS, packed string, rest fsutil.File) (io.ReadCloser, error) {
	before, err := disk.Stat(packed)
	if err != nil {
		return nil, err
	}
	in, err := archive.OpenContent(disk, packed)
	if err != nil {
		return nil, err
	}
	joined, err := archive.Joined(disk, packed, rest)
	after, serr := disk.Stat(packed)
	if err = cmp.Or(err, serr); err != nil {
		return nil, errors.Join(err, in.Close())
	}
	if !fsutil.SameFile(before, after) {
		return nil, in.Close()
	}
	if joined {
		return &both{in, in, rest}, nil
	}
	return &both{io.MultiReader(in, rest), in, rest}, nil
}

type both struct {
	io.Reader
	a, b io.Closer
}

// Close closes both.
func (b *both) Close() error { return errors.Join(b.a.Close(), b.b.Close()) }

func contentSize(disk fsutil.FS, file string) (int64, error) {
	file = plain(file)
	if compressedOf(disk, file) == "" {
		st, err := disk.Stat(file)
		if err != nil {
			return 0, err
		}
		return st.Size(), nil
	}
	r, err := openContent(disk, file)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(io.Discard, r)
	return n, errors.Join(err, r.Close())
}
