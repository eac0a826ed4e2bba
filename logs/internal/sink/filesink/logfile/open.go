package logfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
)

const (
	// fileMode is the mode of new files, before the umask.
	fileMode = 0o644
	// dirMode is the mode of new directories, before the umask.
	dirMode = 0o755
	// writeWait bounds how long a write waits for the reader of a pipe, such as /dev/stdout.
	writeWait = time.Second
	// openAttempts bounds how often a file may be replaced while it is being opened.
	openAttempts = 10
)

// openFile opens and locks a file.
func openFile(disk fsutil.FS, path string, lock bool) (handle, error) {
	for range openAttempts {
		f, err := disk.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, fileMode, true)
		if err != nil {
			return nil, err
		}
		if !lock {
			return bound(f), nil
		}
		if err := Lock(f); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		// The previous holder of the lock may have renamed or removed the file between our open and
		// our lock, as compression does. Then this is no longer the file at path, and lines written
		// to it would be lost.
		st, err := f.Stat()
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		if now, err := disk.Stat(path); err == nil && fsutil.SameFile(st, now) {
			return bound(f), nil
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
	return nil, ErrLocked
}

// bounded is a file whose writes may wait for a reader, such as a pipe.
type bounded struct{ fsutil.OSFile }

// bound returns a file that does not wait for a reader for longer than [writeWait]. Regular files have no reader, and no
// deadline.
func bound(f fsutil.File) fsutil.File {
	if p, ok := f.(fsutil.OSFile); ok && p.SetWriteDeadline(time.Time{}) == nil {
		return bounded{p}
	}
	return f
}

// Write writes, and does not wait for longer than [writeWait].
func (f bounded) Write(b []byte) (int, error) {
	_ = f.SetWriteDeadline(time.Now().Add(writeWait)) // Write reports what is wrong with the file
	return f.OSFile.Write(b)
}

// makeDirs makes the missing directories of the file up to the base, which must exist.
func (f *File) makeDirs() error {
	disk, dir := f.opt.Disk, filepath.Dir(f.path)
	if _, err := disk.Stat(f.opt.Base); err != nil {
		return err
	}
	if f.opt.Sync == SyncNever {
		return disk.MkdirAll(dir, dirMode)
	}
	return fsutil.MkdirAll(disk, dir, dirMode)
}

// keepName makes the name of a file that may be new, and that of its index, survive a power cut. Without them, what is synced later
// would be lost.
func (f *File) keepName(st fs.FileInfo) error {
	if st.Size() > 0 || !st.Mode().IsRegular() {
		return nil
	}
	return f.syncDir()
}

// syncDir makes the names in the directory of the file survive a power cut.
func (f *File) syncDir() error {
	if f.opt.Sync == SyncNever {
		return nil
	}
	return f.opt.Disk.SyncDir(filepath.Dir(f.path))
}
