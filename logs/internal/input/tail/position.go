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

	"github.com/spreadd/spreadd/internal/fsutil"
)

// The position of a path is text such as
//
//	spreadd tail 1 "/var/log/nginx/access.log"
//	file 2049 1312 345678 1024 9f86d0…
//	sum 89abcdef
//
// with a line for each file that is followed: device, inode, offset, length and SHA-256 of the fingerprint. The last line
// is the CRC32C of all above.
const header = "spreadd tail 1 "

// A fingerprint covers the first maxPrint bytes of a file, and at least minPrint.
const (
	maxPrint = 1024
	minPrint = 16
)

// maxFiles bounds the files of one path that are followed at a time.
const maxFiles = 16

// place is how far a file has been read.
type place struct {
	dev, ino uint64
	offset   int64
	printLen int64
	print    [sha256.Size]byte
}

var errPosition = errors.New("damaged position")

func encodePosition(path string, places []place) []byte {
	b := fmt.Appendf(nil, "%s%q\n", header, path)
	for _, p := range places {
		b = fmt.Appendf(b, "file %d %d %d %d %x\n", p.dev, p.ino, p.offset, p.printLen, p.print)
	}
	sum := crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
	return fmt.Appendf(b, "sum %08x\n", sum)
}

// parsePosition parses the text of encodePosition.
func parsePosition(b []byte) (path string, places []place, err error) {
	i := bytes.LastIndex(b, []byte("sum "))
	if i < 0 || string(b[i:]) != fmt.Sprintf("sum %08x\n", crc32.Checksum(b[:i], crc32.MakeTable(crc32.Castagnoli))) {
		return "", nil, errPosition
	}
	for n, line := range bytes.Split(bytes.TrimSuffix(b[:i], []byte{'\n'}), []byte{'\n'}) {
		if n == 0 {
			quoted, ok := bytes.CutPrefix(line, []byte(header))
			if path, err = strconv.Unquote(string(quoted)); !ok || err != nil {
				return "", nil, errPosition
			}
			continue
		}
		p, ok := parsePlace(bytes.Split(line, []byte{' '}))
		if !ok || len(places) == maxFiles {
			return "", nil, errPosition
		}
		places = append(places, p)
	}
	return path, places, nil
}

func parsePlace(words [][]byte) (p place, ok bool) {
	if len(words) != 6 || string(words[0]) != "file" || len(words[5]) != 2*sha256.Size {
		return p, false
	}
	var err [5]error
	p.dev, err[0] = strconv.ParseUint(string(words[1]), 10, 64)
	p.ino, err[1] = strconv.ParseUint(string(words[2]), 10, 64)
	p.offset, err[2] = strconv.ParseInt(string(words[3]), 10, 64)
	p.printLen, err[3] = strconv.ParseInt(string(words[4]), 10, 64)
	_, err[4] = hex.Decode(p.print[:], words[5])
	return p, errors.Join(err[:]...) == nil && p.offset >= 0 && p.printLen >= 0 && p.printLen <= maxPrint
}

// statePath returns the file that has the position of a path.
func statePath(dir, path string) string {
	sum := sha256.Sum256([]byte(path))
	return filepath.Join(dir, fmt.Sprintf("%s-%x.pos", filepath.Base(path), sum[:8]))
}

// writeState replaces a file. After a crash it is either the old or the new one.
func writeState(name string, b []byte) error {
	f, err := fsutil.OpenFile(name+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600, false)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

// fingerprint returns the fingerprint of the first n bytes, or of the whole file if that is shorter.
func fingerprint(f io.ReaderAt, n int64) (length int64, sum [sha256.Size]byte) {
	var b [maxPrint]byte
	got, _ := f.ReadAt(b[:min(n, maxPrint)], 0) // what cannot be read is not in it
	return int64(got), sha256.Sum256(b[:got])
}

// begins reports whether a file still starts with the fingerprint of a place.
func (p *place) begins(f io.ReaderAt) bool {
	n, sum := fingerprint(f, p.printLen)
	return n == p.printLen && sum == p.print
}

// extend extends the fingerprint of a file that has grown, unless its start has changed.
func (p *place) extend(f io.ReaderAt) bool {
	var b [maxPrint]byte
	n, _ := f.ReadAt(b[:], 0) // what cannot be read is not in it
	if int64(n) < p.printLen || sha256.Sum256(b[:p.printLen]) != p.print {
		return false
	}
	if int64(n) > p.printLen {
		p.printLen, p.print = int64(n), sha256.Sum256(b[:n])
	}
	return true
}
