package logfile

import (
	"os"

	"github.com/spreadd/spreadd/internal/fsutil"
)

// isTorn reports whether the open file, as st describes it, ends in the middle of a line, as a kill
// or a full disk leaves it. If it has not changed since this process closed it, its last record had
// no newline. A file that cannot be read is taken to be whole.
func (f *File) isTorn(st os.FileInfo) bool {
	if !st.Mode().IsRegular() || f.left != nil && fsutil.SameFile(st, f.left) && st.Size() == f.left.Size() {
		return false
	}
	r, err := f.opt.Disk.OpenFile(f.path, os.O_RDONLY, 0, false)
	if err != nil {
		return false
	}
	defer func() { _ = r.Close() }() // it was only read
	now, err := r.Stat()
	if err != nil || !fsutil.SameFile(st, now) || st.Size() == 0 {
		return false
	}
	var last [1]byte
	n, _ := r.ReadAt(last[:], st.Size()-1)
	return n == 1 && last[0] != '\n'
}

// endLine ends the torn line of the open file.
func (f *File) endLine() error {
	if _, err := f.out.Write([]byte{'\n'}); err != nil {
		return err
	}
	f.torn = false
	f.unsynced = true
	f.tornLine("ended")
	return nil
}

// tornLine counts and reports a torn line.
func (f *File) tornLine(how string) {
	f.stats.torn.Add(1)
	if f.opt.OnTorn != nil {
		f.opt.OnTorn(f.path, how)
	}
}
