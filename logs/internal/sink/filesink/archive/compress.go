package archive

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/spreadd/spreadd/internal/conf"
	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logfile"
)

//go:generate go tool -modfile=../../../../../.ci/tools/go.mod stringer -type=Compression -linecomment

// Compression is a compression format.
type Compression uint8

// The values of [Compression].
const (
	None Compression = iota // none
	Gzip                    // gzip
	Zstd                    // zstd
	numCompressions
)

// ParseCompression returns the compression with a name.
func ParseCompression(name string) (Compression, error) {
	return conf.ParseEnum("compression", name, numCompressions)
}

// ext returns the extension of compressed files.
func (c Compression) ext() string {
	switch c {
	case Gzip:
		return ".gz"
	case Zstd:
		return ".zst"
	case None, numCompressions:
	}
	return ""
}

func (c Compression) writer(w io.Writer) (io.WriteCloser, error) {
	if c == Gzip {
		return gzip.NewWriter(w), nil
	}
	return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
}

func (c Compression) reader(r io.Reader) (io.ReadCloser, error) {
	if c == Gzip {
		return gzip.NewReader(r)
	}
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	return d.IOReadCloser(), nil
}

// tmpPath returns where a compressed file is written until it is complete.
func tmpPath(dst string) string {
	return filepath.Join(filepath.Dir(dst), "."+filepath.Base(dst)+".tmp")
}

// step is a point between two changes on the disk, where tests simulate a crash.
type step uint8

const (
	stepOpened step = iota
	stepCopied
	stepWritten
	stepSynced
	stepRenamed
	stepRemoved
	numSteps
)

// compressor compresses files.
type compressor struct {
	disk  fsutil.FS
	exact bool             // nothing is added to lines, because an index knows where they are
	crash func(step) error // for tests; nil otherwise
}

// errCrash ends a compression in tests, without cleaning up.
var errCrash = errors.New("the machine crashed")

func (z *compressor) at(s step) error {
	if z.crash == nil {
		return nil
	}
	return z.crash(s)
}

// compress compresses a plain file and removes it.
func (z *compressor) compress(ctx context.Context, path string, c Compression) error {
	src, err := z.disk.OpenFile(path, os.O_RDONLY, 0, false)
	if err != nil {
		return err
	}
	defer src.Close() //nolint:errcheck // it is only read
	if err := logfile.Lock(src); err != nil {
		return fmt.Errorf("compressing %s: %w", path, err)
	}
	// The file may have been renamed between open and lock.
	st, err := src.Stat()
	if err != nil {
		return err
	}
	if now, err := z.disk.Stat(path); err != nil || !fsutil.SameFile(st, now) {
		return fmt.Errorf("compressing %s: the file has been replaced: %w", path, cmpErr(err, fs.ErrExist))
	}
	dst := path + c.ext()
	done, torn, err := endsWith(z.disk, dst, c, src, st.Size())
	if err != nil {
		return fmt.Errorf("reading %s again: %w", dst, err)
	}
	if !done {
		tmp := tmpPath(dst)
		if err := z.write(ctx, tmp, dst, torn && !z.exact, c, src, st); err != nil {
			if !errors.Is(err, errCrash) {
				_ = z.disk.Remove(tmp) // otherwise the next scan removes it
			}
			return fmt.Errorf("compressing %s: %w", path, err)
		}
	}
	if err := z.disk.Remove(path); err != nil {
		return err
	}
	return errors.Join(z.disk.SyncDir(filepath.Dir(path)), z.at(stepRemoved))
}

func cmpErr(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// write writes the content of the existing compressed file and of the plain one to a new compressed
// file, and puts that in place. torn means that a newline belongs between them.
func (z *compressor) write(ctx context.Context, tmp, dst string, torn bool, c Compression, src fsutil.File, st os.FileInfo) (err error) {
	out, err := z.disk.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, st.Mode().Perm(), false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeOnce(out)) }()
	if err := z.at(stepOpened); err != nil {
		return err
	}
	if old, err := z.disk.OpenFile(dst, os.O_RDONLY, 0, false); err == nil {
		_, err = io.Copy(out, old)
		if err = errors.Join(err, old.Close()); err != nil {
			return err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := z.at(stepCopied); err != nil {
		return err
	}
	w, err := c.writer(out)
	if err != nil {
		return err
	}
	if torn {
		if _, err := io.WriteString(w, "\n"); err != nil {
			return errors.Join(err, w.Close())
		}
	}
	n, err := io.Copy(w, &stoppable{ctx, src})
	if err = errors.Join(err, w.Close()); err != nil {
		return err
	}
	if n != st.Size() {
		return fmt.Errorf("it has %d bytes, and had %d a moment ago: something else writes it", n, st.Size())
	}
	if err := z.at(stepWritten); err != nil {
		return err
	}
	if err := errors.Join(out.Sync(), closeOnce(out), z.disk.Chtimes(tmp, st.ModTime(), st.ModTime())); err != nil {
		return err
	}
	if err := z.at(stepSynced); err != nil {
		return err
	}
	if err := z.disk.Rename(tmp, dst); err != nil {
		return err
	}
	return errors.Join(z.disk.SyncDir(filepath.Dir(dst)), z.at(stepRenamed))
}

// Finish completes a compression that the end of an earlier process interrupted: it removes a plain
// file whose lines are all in the compressed one. It must be called before a file is appended to; a
// scan would come too late. Files that this process wrote are ignored. It may be called from any
// goroutine.
func (a *Archiver) Finish(path string) error {
	dst := path + a.cfg.Compress.ext()
	if a.cfg.Compress == None {
		return nil
	}
	if _, err := a.cfg.Disk.Stat(dst); err != nil {
		return nil // nothing to finish
	}
	src, err := a.cfg.Disk.OpenFile(path, os.O_RDONLY, 0, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer src.Close() //nolint:errcheck // it is only read
	st, err := src.Stat()
	if err != nil || !st.ModTime().Before(a.born) {
		return err
	}
	if err := logfile.Lock(src); err != nil {
		return nil // another program has it
	}
	done, _, err := endsWith(a.cfg.Disk, dst, a.cfg.Compress, src, st.Size())
	if err != nil || !done {
		return err
	}
	if now, err := a.cfg.Disk.Stat(path); err != nil || !fsutil.SameFile(st, now) {
		return nil // already removed
	}
	return errors.Join(a.cfg.Disk.Remove(path), a.cfg.Disk.SyncDir(filepath.Dir(path)))
}

// closeOnce closes a file that may be closed already.
func closeOnce(f fsutil.File) error {
	if err := f.Close(); !errors.Is(err, fs.ErrClosed) {
		return err
	}
	return nil
}

// stoppable is a reader that fails when ctx ends.
type stoppable struct {
	ctx context.Context //nolint:containedctx // a reader has no other way to get one
	r   io.Reader
}

// Read implements io.Reader.
func (s *stoppable) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.r.Read(p)
}

// endsWith reports whether a compressed file exists and ends with a plain one of a size, as after a
// crash between rename and removal, and whether it ends in the middle of a line. It leaves src at its
// start.
func endsWith(disk fsutil.FS, dst string, c Compression, src io.ReadSeeker, size int64) (same, torn bool, err error) {
	end := &tail{}
	err = withContent(disk, dst, c, func(r io.Reader) error {
		_, err := io.Copy(end, r)
		return err
	})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, false, nil
	case err != nil:
		return false, false, err
	}
	torn = end.size > 0 && end.last != '\n'
	if end.size < size {
		return false, torn, nil
	}
	same, err = sameTail(disk, dst, c, end.size-size, src)
	if _, serr := src.Seek(0, io.SeekStart); serr != nil {
		return false, torn, serr
	}
	return same, torn, err
}

// tail is a writer that notes how much it gets and what comes last.
type tail struct {
	size int64
	last byte
}

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	if len(p) > 0 {
		t.size, t.last = t.size+int64(len(p)), p[len(p)-1]
	}
	return len(p), nil
}

// sameTail compares the content of a compressed file, from an offset on, with a plain one.
func sameTail(disk fsutil.FS, path string, c Compression, offset int64, src io.Reader) (same bool, err error) {
	err = withContent(disk, path, c, func(r io.Reader) error {
		if _, err := io.CopyN(io.Discard, r, offset); err != nil {
			return err
		}
		same, err = equal(r, src)
		return err
	})
	return same, err
}

func withContent(disk fsutil.FS, path string, c Compression, use func(io.Reader) error) error {
	f, err := disk.OpenFile(path, os.O_RDONLY, 0, false)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // it is only read
	r, err := c.reader(bufio.NewReader(f))
	if err != nil {
		return err
	}
	return errors.Join(use(r), r.Close())
}

// equal compares two readers.
func equal(a, b io.Reader) (bool, error) {
	x, y := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, err := readFull(a, x)
		if err != nil {
			return false, err
		}
		m, err := readFull(b, y)
		if err != nil {
			return false, err
		}
		if !bytes.Equal(x[:n], y[:m]) {
			return false, nil
		}
		if n < len(x) {
			return true, nil
		}
	}
}

// readFull is io.ReadFull without an error at the end.
func readFull(r io.Reader, b []byte) (int, error) {
	n, err := io.ReadFull(r, b)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return n, err
}

// Joined reports whether a compressed file already has what is in the plain file beside it, which is about to be
// removed. It leaves plain at its start.
func Joined(disk fsutil.FS, packed string, plain fsutil.File) (bool, error) {
	st, err := plain.Stat()
	if err != nil {
		return false, err
	}
	// Comparing them costs much, and a compressed file has the time of the plain one that was added last.
	if p, err := disk.Stat(packed); err != nil || !p.ModTime().Equal(st.ModTime()) {
		return false, err
	}
	joined, _, err := endsWith(disk, packed, compressionOf(packed), plain, st.Size())
	return joined, err
}

func compressionOf(path string) Compression {
	if strings.HasSuffix(path, Zstd.ext()) {
		return Zstd
	}
	return Gzip
}

// OpenContent opens the content of a compressed file, with all its members.
func OpenContent(disk fsutil.FS, path string) (io.ReadCloser, error) {
	c := compressionOf(path)
	f, err := disk.OpenFile(path, os.O_RDONLY, 0, false)
	if err != nil {
		return nil, err
	}
	r, err := c.reader(bufio.NewReader(f))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("reading %s: %w", path, err), f.Close())
	}
	return &unpacked{r, f}, nil
}

// ContentWriter returns a writer to w that compresses as the extension of path says. Without such
// an extension it does not compress. Close does not close w.
func ContentWriter(path string, w io.Writer) (io.WriteCloser, error) {
	for c := range numCompressions {
		if c != None && strings.HasSuffix(path, c.ext()) {
			return c.writer(w)
		}
	}
	return nopCloser{w}, nil
}

type nopCloser struct{ io.Writer }

// Close does nothing.
func (nopCloser) Close() error { return nil }

// unpacked is the content of a compressed file.
type unpacked struct {
	io.ReadCloser
	f fsutil.File
}

// Close closes the decompressor and the file.
func (u *unpacked) Close() error { return errors.Join(u.ReadCloser.Close(), u.f.Close()) }
