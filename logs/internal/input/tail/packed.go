package tail

import (
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/spreadd/spreadd/internal/fsutil"
)

// packs are the endings of compressed files.
var packs = []string{".gz", ".zst", ".bz2", ".xz", ".lz4", ".lzma", ".br", ".Z"}

// maxWindow bounds the memory of a decompressor. It is that of zstd --long.
const maxWindow = 128 << 20

// unpackers returns what decompresses files with an ending, or nil.
func unpackers(pack string) func(io.Reader) (io.ReadCloser, error) {
	switch pack {
	case ".gz":
		return func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }
	case ".bz2":
		return func(r io.Reader) (io.ReadCloser, error) { return io.NopCloser(bzip2.NewReader(r)), nil }
	case ".zst":
		return func(r io.Reader) (io.ReadCloser, error) {
			d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
			if err != nil {
				return nil, err
			}
			return d.IOReadCloser(), nil
		}
	}
	return nil
}

var errEnded = errors.New("the follower has ended")

// packed is a compressed file that is read as if it were not. Reading backwards starts anew.
type packed struct {
	fsutil.File
	open func(io.Reader) (io.ReadCloser, error)
	r    io.ReadCloser // nil before the first byte and after the last
	head []byte        // the first bytes of the text
	buf  []byte        // what was read last
	off  int64         // where that is
	err  error         // how reading ended
	end  func() bool   // whether to stop reading
}

// ReadAt reads decompressed bytes. It ends in front of what is damaged; damage returns the reason.
func (p *packed) ReadAt(b []byte, off int64) (n int, err error) {
	end := off + int64(len(b))
	if p.head == nil || off < p.off && end > int64(len(p.head)) {
		p.restart()
	}
	text, at := p.head, int64(0)
	if end > int64(len(p.head)) {
		for p.err == nil && p.off+int64(len(p.buf)) < end {
			p.forget(off)
			p.more()
		}
		p.forget(off)
		text, at = p.buf, p.off
	}
	if off > at {
		text = text[min(off-at, int64(len(text))):]
	}
	if n = copy(b, text); n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// forget drops what is in front of an offset.
func (p *packed) forget(off int64) {
	n := min(max(0, off-p.off), int64(len(p.buf)))
	p.buf = p.buf[:copy(p.buf, p.buf[n:])]
	p.off += n
}

// more reads a piece.
func (p *packed) more() {
	if p.end() {
		p.err = errEnded
		p.stop()
		return
	}
	n := len(p.buf)
	p.buf = slices.Grow(p.buf, readBytes)
	got, err := p.r.Read(p.buf[n : n+readBytes])
	p.buf = p.buf[:n+got]
	if err != nil {
		p.err = err
		p.stop()
	}
}

// restart reads the first bytes.
func (p *packed) restart() {
	p.stop()
	p.buf, p.off, p.err = p.buf[:0], 0, nil
	_, err := p.Seek(0, io.SeekStart)
	if err == nil {
		p.r, err = p.open(p.File)
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // even an empty text has a compressed form of some bytes
	}
	if p.err = err; err != nil {
		p.r = nil // not a nil of a type
	}
	for p.err == nil && len(p.buf) < maxDigest {
		p.more()
	}
	p.head = append(make([]byte, 0, maxDigest), p.buf[:min(len(p.buf), maxDigest)]...)
}

func (p *packed) stop() {
	if p.r != nil {
		_ = p.r.Close()
	}
	p.r = nil
}

// Close closes the file.
func (p *packed) Close() error {
	p.stop()
	return p.File.Close()
}

// damage returns why a file ended before its text did, or nil.
func (p *packed) damage() error {
	if p.err == nil || errors.Is(p.err, io.EOF) {
		return nil
	}
	return fmt.Errorf("%s: %w", p.Name(), p.err)
}
