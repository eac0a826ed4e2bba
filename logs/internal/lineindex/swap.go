package lineindex

import (
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/logs/internal/fields"
)

// A swap replaces files of a series together with their indexes: all of them, or none, whatever
// happens meanwhile. New files and new indexes are written beside the old ones and synced. Then a
// journal is, and from then on every opening of one of the files first finishes the swap. The journal
// is one record, framed like those of an index:
//
//	swap: 'W', uvarint number of files, and for each string name of the file in the directory, byte: 1 if the file is removed
const (
	kindSwap = 'W'
	// orderExt is the extension of new files and indexes until then, and swapExt that of the journal.
	orderExt = ".order"
	swapExt  = ".swap"
)

// swapped is a file that is replaced or removed.
type swapped struct {
	path   string
	remove bool
}

func swapPath(file string) string {
	file = plain(file)
	return hidden(strings.TrimSuffix(file, partOf(file)), swapExt)
}

// swap replaces files whose new versions are synced. Once it reports placed, the new ones count, even
// if not all have their names yet.
func swap(disk fsutil.FS, file string, list []swapped, crash func(fillStep) error) (placed bool, err error) {
	if err := crash(fillWritten); err != nil {
		return false, err
	}
	dir := filepath.Dir(file)
	b := frame(nil, func(b []byte) []byte {
		b = binary.AppendUvarint(append(b, kindSwap), uint64(len(list)))
		for _, s := range list {
			removed := byte(0)
			if s.remove {
				removed = 1
			}
			b = append(fields.AppendString(b, filepath.Base(s.path)), removed)
		}
		return b
	})
	if err := disk.SyncDir(dir); err != nil { // the journal must not be there without the new files
		return false, err
	}
	f, err := disk.OpenFile(swapPath(file), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644, false)
	if err != nil {
		return false, err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close(), disk.SyncDir(dir)); err != nil {
		return false, errors.Join(err, disk.Remove(swapPath(file)))
	}
	if err := crash(fillRenamed); err != nil {
		return true, err
	}
	if _, err := finishSwap(disk, file); err != nil {
		return true, err
	}
	return true, crash(fillDone)
}

// finishSwap finishes a swap of the series of a file that was interrupted, and reports whether there
// was one. A journal that is not whole is removed: its swap has not begun.
func finishSwap(disk fsutil.FS, file string) (found bool, err error) {
	path := swapPath(file)
	f, err := disk.OpenFile(path, os.O_RDONLY, 0, false)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	list, err := readSwap(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return false, err
	}
	dir := filepath.Dir(path)
	for _, s := range list {
		to := filepath.Join(dir, s.path)
		if s.remove {
			err = errors.Join(gone(disk.Remove(to)), gone(disk.Remove(Path(to))))
		} else {
			err = errors.Join(gone(disk.Rename(hidden(to, orderExt), to)), gone(disk.Rename(hidden(plain(to), indexExt+orderExt), Path(to))))
		}
		if err != nil {
			return true, err
		}
	}
	err = disk.SyncDir(dir)
	if err == nil {
		err = gone(disk.Remove(path))
	}
	if err == nil {
		err = disk.SyncDir(dir)
	}
	return len(list) > 0, err
}

// gone ignores that a file is not there: an earlier attempt has renamed or removed it.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// readSwap reads a journal. It returns nothing if that is not whole.
func readSwap(r io.Reader) (list []swapped, err error) {
	payload, err := newScanner(r, 0).next()
	if errors.Is(err, io.EOF) || errors.Is(err, ErrDamaged) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	f := fields.Reader{Rest: payload}
	if f.Byte() != kindSwap {
		return nil, nil
	}
	for i := f.Uvarint(); i > 0 && !f.Bad; i-- {
		s := swapped{path: f.String(), remove: f.Byte() == 1}
		if filepath.Base(s.path) != s.path {
			return nil, nil
		}
		list = append(list, s)
	}
	if f.Bad {
		return nil, nil
	}
	return list, nil
}

// settleSwaps finishes all swaps below a directory that were interrupted, and removes what is left of
// those that had not begun. Nobody else may write there.
func settleSwaps(d Dir) error {
	var left []string
	err := fsutil.WalkDir(d.Disk, d.Root, func(path string, e fs.DirEntry, err error) error {
		name, hid := strings.CutPrefix(filepath.Base(path), ".")
		if err != nil || !hid || !e.Type().IsRegular() {
			return err
		}
		name, isSwap := strings.CutSuffix(name, swapExt)
		name, isNew := strings.CutSuffix(name, orderExt)
		file := filepath.Join(filepath.Dir(path), strings.TrimSuffix(name, indexExt))
		if isSwap && d.Match(file) {
			_, err = finishSwap(d.Disk, file)
		} else if isNew && d.Match(plain(file)) {
			left = append(left, path)
		}
		return err
	})
	if err != nil {
		return gone(err)
	}
	for _, path := range left {
		if err := gone(d.Disk.Remove(path)); err != nil {
			return err
		}
	}
	return nil
}
