package tail

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/internal/testkit/blind"
)

// bzipped is "one\ntwo\n" as bzip2 writes it.
const bzipped = "\x42\x5a\x68\x39\x31\x41\x59\x26\x53\x59\xa7\x14\x2b\x77\x00\x00\x02\xc1\x80\x00\x10\x02\x01\x84\x80\x20\x00\x21\x80\x0c\x02\x38\xf5\x1b\x8b\xb9\x22\x9c\x28\x48\x53\x8a\x15\xbb\x80"

// FuzzPacked: whatever is in a compressed file, what can be read of it is the same from any offset, and
// in any order. What is damaged has a reason.
func FuzzPacked(f *testing.F) {
	long := []byte(strings.Repeat("a line of a log that is long enough\n", 10_000))
	for _, ending := range []string{".gz", ".zst"} {
		b := packText(f, long, ending)
		f.Add(ending, b, int64(1000))
		f.Add(ending, append(bytes.Clone(b), packText(f, []byte("another one\n"), ending)...), int64(200_000))
		f.Add(ending, b[:len(b)/2], int64(70_000))
		f.Add(ending, b[:3], int64(0))
		f.Add(ending, []byte{}, int64(0))
		f.Add(ending, packText(f, nil, ending), int64(0))
	}
	f.Add(".bz2", []byte(bzipped), int64(4))
	path := filepath.Join(f.TempDir(), "copy")
	blind.Fuzz(f, func(t *testing.T, ending string, b []byte, off int64) {
		open := unpackers(ending)
		if open == nil || off < 0 || off > 1<<40 || len(b) > 1<<20 {
			return
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		g, err := (&Follower{cfg: Config{Disk: fsutil.OS{}}}).openCopy(path, ending)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = g.f.Close() }()
		read := func(off, n int64) []byte {
			b := make([]byte, n)
			got, err := g.f.ReadAt(b, off)
			if err != nil && !errors.Is(err, io.EOF) || err == nil && got < len(b) {
				t.Fatalf("%d bytes at %d: %d, %v", n, off, got, err)
			}
			return b[:got]
		}
		const most = 4 << 20
		text := read(0, most)
		z, ok := g.f.(*packed)
		if !ok {
			t.Fatal("it is not packed")
		}
		if len(text) < most && (z.damage() == nil) != (unpack(b, open) == nil) {
			t.Errorf("damage is %v, want %v", z.damage(), unpack(b, open))
		}
		for _, n := range []int64{0, 1, 1024, 100_000} {
			want := text[min(off, int64(len(text))):min(off+n, int64(len(text)))]
			if got := read(off, n); !bytes.Equal(got, want) && off+n <= most {
				t.Errorf("%d bytes at %d are %.40q, want %.40q", n, off, got, want)
			}
			if got := read(0, 10); !bytes.Equal(got, text[:min(10, len(text))]) {
				t.Errorf("it begins with %q", got)
			}
		}
	})
}

// unpack returns the error of reading a whole text.
func unpack(b []byte, open func(io.Reader) (io.ReadCloser, error)) error {
	r, err := open(bytes.NewReader(b))
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	if err == nil {
		_, err = io.Copy(io.Discard, r)
	}
	return err
}
