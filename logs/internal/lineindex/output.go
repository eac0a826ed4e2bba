package lineindex

import (
	"bufio"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/archive"
)

// batchBytes is how many bytes a batch of a new index describes.
const batchBytes = 256 << 10

// output replaces a log file together with its index. Nothing of it is visible before commit.
type output struct {
	disk     fsutil.FS
	path     string // of the file, as it is now: plain or compressed
	tmp      string // where it is written, and
	next     string // its index
	template string

	f    fsutil.File
	buf  *bufio.Writer
	pack io.WriteCloser

	idx     fsutil.File
	ibuf    *bufio.Writer
	e       encoder
	section bool
	stream  map[Name]int
	name    *Name // of the previous line, and
	number  int   // its stream
	crc     uint32
	start   int64 // logical start of the batch
	rec     []byte
	placed  bool // the file has its name
}

const fillExt = ".fill"

// newOutput starts one, which is written to other paths. It makes the directory if needed.
func newOutput(disk fsutil.FS, path, tmp, next, template string) (*output, error) {
	if err := disk.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	o := &output{disk: disk, path: path, tmp: tmp, next: next, template: template, section: true}
	mode := os.FileMode(0o644)
	if st, err := disk.Stat(path); err == nil {
		mode = st.Mode().Perm()
	}
	var err error
	if o.f, err = disk.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode, false); err != nil {
		return nil, err
	}
	if o.idx, err = disk.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644, false); err != nil {
		return nil, errors.Join(err, o.f.Close())
	}
	o.buf, o.ibuf = bufio.NewWriterSize(o.f, 256<<10), bufio.NewWriterSize(o.idx, 64<<10)
	if o.pack, err = archive.ContentWriter(path, o.buf); err != nil {
		return nil, errors.Join(err, o.abandon())
	}
	head, _ := header()
	_, _ = o.ibuf.Write(head) // an error stays until Flush
	return o, nil
}

func (o *output) line(l *Line, data []byte) error {
	if o.section {
		o.section = false
		o.e.reset()
		o.stream = make(map[Name]int)
		o.name = nil
		o.rec = appendSection(o.rec[:0], o.template)
		if _, err := o.ibuf.Write(o.rec); err != nil {
			return err
		}
	}
	stream := 0
	if l.Name != nil {
		if l.Name != o.name {
			n, ok := o.stream[*l.Name]
			if !ok {
				n = o.e.declare(*l.Name)
				o.stream[*l.Name] = n
			}
			o.name, o.number = l.Name, n
		}
		stream = o.number
	}
	o.e.line(stream, l.Seq, int64(len(data)))
	o.crc = crc32.Update(o.crc, castagnoli, data)
	if _, err := o.pack.Write(data); err != nil {
		return err
	}
	if o.e.bytes >= batchBytes {
		return o.endBatch()
	}
	return nil
}

func (o *output) endBatch() error {
	n := o.e.bytes
	if n == 0 {
		return nil
	}
	o.rec = o.e.batch(o.rec[:0], 0, o.start, o.crc, true)
	o.start += n
	o.crc = 0
	_, err := o.ibuf.Write(o.rec)
	return err
}

// unnamed copies bytes without names.
func (o *output) unnamed(in io.Reader, n int64) error {
	if err := o.endBatch(); err != nil {
		return err
	}
	if _, err := io.CopyN(o.pack, in, n); err != nil {
		return err
	}
	o.rec = appendUnnamed(o.rec[:0], 0, o.start, n)
	o.start += n
	_, err := o.ibuf.Write(o.rec)
	return err
}

// fillStep is a point between two changes on the disk, where tests simulate a crash.
type fillStep uint8

const (
	fillWritten fillStep = iota
	fillRenamed
	fillDone
	numFillSteps
)

// finish writes the rest, and syncs file and index.
func (o *output) finish() error {
	err := errors.Join(o.endBatch(), o.pack.Close(), o.buf.Flush(), o.ibuf.Flush(), o.idx.Sync(), o.f.Sync())
	if old, serr := o.disk.Stat(o.path); err == nil && serr == nil {
		err = o.disk.Chtimes(o.tmp, old.ModTime(), old.ModTime()) // keep_age counts from it
	}
	return errors.Join(err, o.f.Close(), o.idx.Close())
}

// commit puts file and index in place. Once the file has its name, the new index counts, even if it
// does not have its name yet ([finishFill]).
func (o *output) commit(crash func(fillStep) error) error {
	err, dir := o.finish(), filepath.Dir(o.path)
	if err == nil {
		err = crash(fillWritten)
	}
	if _, serr := o.disk.Stat(o.path); err == nil && serr == nil {
		err = o.disk.Rename(o.tmp, o.path)
	} else if err == nil {
		// It must not replace a file that another program has made meanwhile.
		if err = o.disk.Link(o.tmp, o.path); err == nil {
			o.placed = true
			err = o.disk.Remove(o.tmp)
		}
	}
	if err == nil {
		o.placed = true
		err = errors.Join(o.disk.SyncDir(dir), crash(fillRenamed))
	}
	if err == nil {
		err = o.disk.Rename(o.next, Path(o.path))
	}
	if err == nil {
		err = errors.Join(o.disk.SyncDir(dir), crash(fillDone))
	}
	return err
}

// abandon removes what is not in place. The index of a file that is, is left to [finishFill].
func (o *output) abandon() error {
	_, _ = o.f.Close(), o.idx.Close()
	if o.placed {
		return nil
	}
	return errors.Join(gone(o.disk.Remove(o.tmp)), gone(o.disk.Remove(o.next)))
}
