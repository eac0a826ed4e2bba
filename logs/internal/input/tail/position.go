package tail

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spreadd/spreadd/internal/fsutil"
)

// The position of a path is text such as
//
//	spreadd tail 3 "/var/log/nginx/access.log"
//	since 1795975200123456789
//	file 2049 1312 345678 1795975201123456789 1024 9f86d0… 1024 e3b0c4…
//	names 1795975201123465216 "5d41402abc4b2a76"
//	stream 2081 weblogs
//	sum 89abcdef
//
// since is there until there was a file. A line for each file that is followed has device, inode,
// offset, time of the last change, and the length and SHA-256 of its first bytes and of those before
// the offset; it begins with old if the file was rotated and read to its end. Behind it are the epoch
// of its lines and the rules by which they got their streams, and for each stream the number of the
// next line and the groups. The last line is the CRC32C of all above. Version 2 has no names. In
// version 1 the files had neither a time nor the bytes before the offset.
const (
	header  = "spreadd tail 3 "
	header2 = "spreadd tail 2 "
	header1 = "spreadd tail 1 "
)

// A digest covers at most maxDigest bytes. A copy is recognized by minDigest of them.
const (
	maxDigest = 1024
	minDigest = 16
)

// maxState bounds what is read of a position. One with 16 files and 10,000 streams of each has 7 MB.
const maxState = 64 << 20

// maxFiles bounds the files of one path that are followed at a time.
const maxFiles = 16

// position is what is saved.
type position struct {
	path   string
	since  int64 // when the file was first looked for, if it was not found; 0 otherwise
	places []place
}

// digest identifies some bytes.
type digest struct {
	n   int64
	sum [sha256.Size]byte
}

// digestOf returns the zero digest for nothing.
func digestOf(b []byte) (d digest) {
	if len(b) > 0 {
		d = digest{int64(len(b)), sha256.Sum256(b)}
	}
	return d
}

// place is how far a file has been read.
type place struct {
	dev, ino uint64
	spot
	mtime int64      // when the file was last changed before it was read, in Unix nanoseconds; 0 if not known
	head  digest     // its first bytes
	done  bool       // it was rotated and read to its end
	names *LineNames // nil if no line of it has a name
}

// empty reports whether a file had nothing yet. Whatever it has now, there may be older copies of it.
func (p *place) empty() bool { return p.head.n == 0 && p.offset == 0 }

// spot is an offset with the bytes before it. They tell files apart that begin with the same header.
type spot struct {
	offset int64
	tail   digest
}

var errPosition = errors.New("damaged position")

func (p *position) encode() []byte {
	b := fmt.Appendf(nil, "%s%q\n", header, p.path)
	if p.since != 0 {
		b = fmt.Appendf(b, "since %d\n", p.since)
	}
	for _, p := range p.places {
		word := "file"
		if p.done {
			word = "old"
		}
		b = fmt.Appendf(b, "%s %d %d %d %d %d %x %d %x\n", word, p.dev, p.ino, p.offset, p.mtime, p.head.n, p.head.sum, p.tail.n, p.tail.sum)
		if p.names != nil {
			b = p.names.append(b)
		}
	}
	sum := crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
	return fmt.Appendf(b, "sum %08x\n", sum)
}

// parsePosition parses the text of encode, and that of the versions before.
func parsePosition(b []byte) (p position, err error) {
	i := bytes.LastIndex(b, []byte("sum "))
	if i < 0 || string(b[i:]) != fmt.Sprintf("sum %08x\n", crc32.Checksum(b[:i], crc32.MakeTable(crc32.Castagnoli))) {
		return p, errPosition
	}
	first, rest, _ := strings.Cut(string(b[:i]), "\n")
	quoted, ok := first, false
	for _, h := range []string{header, header2, header1} {
		if !ok {
			quoted, ok = strings.CutPrefix(first, h)
		}
	}
	if p.path, err = strconv.Unquote(quoted); !ok || err != nil {
		return position{}, errPosition
	}
	for line := range strings.Lines(rest) {
		if last := len(p.places) - 1; last >= 0 && p.places[last].parseNames(strings.TrimSuffix(line, "\n")) {
			continue
		}
		words := strings.Split(strings.TrimSuffix(line, "\n"), " ")
		if words[0] == "since" && len(words) == 2 {
			if p.since, err = strconv.ParseInt(words[1], 10, 64); err != nil {
				return position{}, errPosition
			}
			continue
		}
		g, ok := parsePlace(words)
		if !ok || len(p.places) == maxFiles {
			return position{}, errPosition
		}
		p.places = append(p.places, g)
	}
	return p, nil
}

func parsePlace(words []string) (p place, ok bool) {
	p.done = words[0] == "old"
	if words[0] != "file" && !p.done {
		return p, false
	}
	switch len(words) {
	case 6: // version 1
		words = []string{"", words[1], words[2], words[3], "0", words[4], words[5], "0", ""}
	case 9:
	default:
		return p, false
	}
	var err [8]error
	p.dev, err[0] = strconv.ParseUint(words[1], 10, 64)
	p.ino, err[1] = strconv.ParseUint(words[2], 10, 64)
	p.offset, err[2] = strconv.ParseInt(words[3], 10, 64)
	p.mtime, err[3] = strconv.ParseInt(words[4], 10, 64)
	p.head, err[4] = parseDigest(words[5], words[6])
	p.tail, err[5] = parseDigest(words[7], words[8])
	return p, errors.Join(err[:]...) == nil && p.tail.n <= p.offset
}

func parseDigest(n, sum string) (d digest, err error) {
	if d.n, err = strconv.ParseInt(n, 10, 64); err != nil || d.n < 0 || d.n > maxDigest {
		return d, errPosition
	}
	if d.n == 0 {
		return d, nil
	}
	if len(sum) != 2*len(d.sum) {
		return d, errPosition
	}
	_, err = hex.Decode(d.sum[:], []byte(sum))
	return d, err
}

// statePath returns the file that has the position of a path.
func statePath(dir, path string) string {
	sum := sha256.Sum256([]byte(path))
	return filepath.Join(dir, fmt.Sprintf("%s-%x.pos", filepath.Base(path), sum[:8]))
}

// writeState replaces a file. After a kill it is either the old or the new one, and once this returns it is
// the new one, also after a power cut.
func writeState(disk fsutil.FS, name string, b []byte) error {
	f, err := disk.OpenFile(name+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600, false)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := disk.Rename(name+".new", name); err != nil {
		return err
	}
	return disk.SyncDir(filepath.Dir(name))
}

// readState reads what writeState wrote.
func readState(disk fsutil.FS, name string) ([]byte, error) {
	f, err := disk.OpenFile(name, os.O_RDONLY, 0, false)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxState))
	return b, errors.Join(err, f.Close())
}

// begins reports whether a file still starts with the first bytes of a place. It extends them if the
// file has grown.
func (p *place) begins(f io.ReaderAt) (bool, error) {
	var b [maxDigest]byte
	n, err := readAt(f, b[:], 0)
	if err != nil || int64(n) < p.head.n || digestOf(b[:p.head.n]) != p.head {
		return false, err
	}
	if int64(n) > p.head.n {
		p.head = digestOf(b[:n])
	}
	return true, nil
}

// fits reports whether a file is that of a place, or a copy of it: it has the same bytes at the start
// and before the offset.
func (p *place) fits(f io.ReaderAt) (bool, error) {
	q := *p
	if ok, err := q.begins(f); !ok {
		return false, err
	}
	var b [maxDigest]byte
	n := min(p.offset, maxDigest)
	got, err := readAt(f, b[:n], p.offset-n)
	if p.tail.n == 0 { // of version 1, or the start of the file
		q.tail = digestOf(b[:n])
	}
	if err != nil || int64(got) < n || q.tail.n > n || digestOf(b[n-q.tail.n:n]) != q.tail {
		return false, err
	}
	*p = q
	return true, nil
}

// readAt reads what there is at an offset; the end of the file is no error.
func readAt(f io.ReaderAt, b []byte, off int64) (int, error) {
	n, err := f.ReadAt(b, off)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}
