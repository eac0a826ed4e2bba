package lineindex

import (
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/archive"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logfile"
)

// findMoved looks for the new name of a log file that was renamed in its directory: a file that
// contains what the index describes, and has no index of its own. It may have been compressed
// meanwhile.
func findMoved(disk fsutil.FS, file string, size int64, last *batch) string {
	entries, err := disk.ReadDir(filepath.Dir(file))
	if err != nil || !last.checked {
		return ""
	}
	for _, e := range entries {
		path := plain(filepath.Join(filepath.Dir(file), e.Name()))
		if path == file || !e.Type().IsRegular() || e.Name()[0] == '.' {
			continue
		}
		if _, err := disk.Lstat(Path(path)); err == nil {
			continue
		}
		// In this order: a compressed file is there before the plain one is removed.
		if st, err := disk.Lstat(path); err == nil && st.Size() == size && last.matches(disk, path) {
			return path
		}
		if packed := compressedOf(disk, path); packed != "" && last.isAll(disk, packed, size) {
			return packed
		}
	}
	return ""
}

// isAll reports whether a compressed file has a size, and ends with what the batch describes.
func (b *batch) isAll(disk fsutil.FS, packed string, size int64) bool {
	if b.base != 0 || b.end() != size {
		return false
	}
	r, err := archive.OpenContent(disk, packed)
	if err != nil {
		return false
	}
	defer r.Close() //nolint:errcheck // it is only read
	if _, err := io.CopyN(io.Discard, r, b.start); err != nil {
		return false
	}
	sum := crc32.New(castagnoli)
	n, err := io.Copy(sum, io.LimitReader(r, b.n+1))
	return err == nil && n == b.n && sum.Sum32() == b.crc
}

// isGone reports whether a log file is there neither plain nor compressed.
func isGone(disk fsutil.FS, file string) bool {
	_, err := disk.Lstat(file)
	return errors.Is(err, fs.ErrNotExist) && compressedOf(disk, file) == ""
}

// followMoved renames the index of a log file that is gone if the file was only renamed: a kill
// between the two renames leaves it so. It returns the new path of the file; empty if none is found.
// Before the rename it calls note with that, and the generation of the index.
func followMoved(disk fsutil.FS, file string, note func(to string, generation uint64) error) (to string, err error) {
	if _, err := disk.Lstat(Path(file)); err != nil || !isGone(disk, file) {
		return "", nil //nolint:nilerr // nothing can have been left behind
	}
	x := &index{disk: disk}
	if err := x.open(file); err != nil {
		return "", err
	}
	if x.last != nil {
		to = findMoved(disk, file, x.end-x.base, x.last)
	}
	if err := x.idx.Close(); err != nil || to == "" {
		return "", err
	}
	unlock, err := lockFile(disk, to)
	if errors.Is(err, logfile.ErrLocked) {
		return "", nil // its writer is about to rename the index
	}
	if err != nil {
		return "", err
	}
	to = plain(to)
	if err = note(to, x.generation); err == nil {
		err = disk.Rename(Path(file), Path(to))
	}
	return to, errors.Join(err, disk.SyncDir(filepath.Dir(file)), unlock())
}
