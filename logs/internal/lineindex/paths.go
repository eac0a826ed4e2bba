package lineindex

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"strings"

	"github.com/spreadd/spreadd/internal/fsutil"
)

const (
	indexExt  = ".index"
	nextExt   = ".index.next"
	ledgerExt = ".seen"
)

// Path returns the path of the index of a log file. It is never that of a log file, because no name
// from a message begins with a dot.
func Path(file string) string { return hidden(plain(file), indexExt) }

func nextPath(file string) string { return hidden(plain(file), nextExt) }

func hidden(file, ext string) string {
	return filepath.Join(filepath.Dir(file), "."+filepath.Base(file)+ext)
}

// plain returns the path of a log file before it was compressed.
func plain(file string) string {
	for _, ext := range compressedExts {
		if s, ok := strings.CutSuffix(file, ext); ok {
			return s
		}
	}
	return file
}

// compressedExts are the extensions of compressed files (package archive).
var compressedExts = []string{".gz", ".zst"}

// compressedOf returns the path of the compressed part of a log file; empty if there is none.
func compressedOf(disk fsutil.FS, file string) string {
	for _, ext := range compressedExts {
		if _, err := disk.Stat(file + ext); err == nil {
			return file + ext
		}
	}
	return ""
}

func fileOf(index string) (file string, ok bool) {
	name, ok := strings.CutPrefix(filepath.Base(index), ".")
	name, ok2 := strings.CutSuffix(name, indexExt)
	return filepath.Join(filepath.Dir(index), name), ok && ok2
}

// LedgerPath returns the path of the ledger of a template, in its base directory.
func LedgerPath(template, base string) string {
	rest := strings.TrimPrefix(strings.TrimPrefix(template, base), string(filepath.Separator))
	if !strings.ContainsAny(rest, "%/") {
		return filepath.Join(base, "."+rest+ledgerExt)
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(rest))
	return filepath.Join(base, fmt.Sprintf(".logsub-%08x%s", h.Sum32(), ledgerExt))
}

// Remove removes the index of a log file that is removed.
func Remove(disk fsutil.FS, file string) error {
	if plain(file) != file {
		if _, err := disk.Stat(plain(file)); err == nil {
			return nil // late lines arrived
		}
	} else if compressedOf(disk, file) != "" {
		return nil
	}
	err := disk.Remove(Path(file))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// header returns the header of a new index.
func header() (b []byte, generation uint64) {
	generation = rand.Uint64()
	return binary.LittleEndian.AppendUint64([]byte(magic), generation), generation
}

// readHeader returns the generation of an index; false if the file is not an index.
func readHeader(f fsutil.File) (generation uint64, ok bool, err error) {
	b := make([]byte, headerLen)
	n, err := f.ReadAt(b, 0)
	if n < headerLen {
		if st, serr := f.Stat(); serr == nil && st.Size() < headerLen {
			return 0, false, nil
		}
		return 0, false, err
	}
	return binary.LittleEndian.Uint64(b[8:]), string(b[:8]) == magic, nil
}
