package fsutil

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// FS is a file system: [OS] or, in tests, one that crashes (package crashfs). Paths are those of
// package os. Errors are [fs.PathError] or [os.LinkError].
type FS interface {
	// OpenFile is the function [OpenFile].
	OpenFile(path string, flag int, perm fs.FileMode, devices bool) (File, error)
	Stat(path string) (fs.FileInfo, error)
	Lstat(path string) (fs.FileInfo, error)
	// ReadDir returns the entries of a directory, sorted by name.
	ReadDir(dir string) ([]fs.DirEntry, error)
	MkdirAll(dir string, perm fs.FileMode) error
	Rename(from, to string) error
	Link(from, to string) error
	// Remove removes a file or an empty directory.
	Remove(path string) error
	Chtimes(path string, accessed, modified time.Time) error
	// SyncDir is the function [SyncDir].
	SyncDir(dir string) error
}

// File is an open file of an [FS].
type File interface {
	io.ReadWriteSeeker
	io.ReaderAt
	io.WriterAt
	io.Closer
	Name() string
	Stat() (fs.FileInfo, error)
	Sync() error
	Truncate(size int64) error
	// Lock is the function [Lock].
	Lock() error
}

// OS is the file system of the operating system.
type OS struct{}

var _ FS = OS{}

// OpenFile implements [FS].
func (OS) OpenFile(path string, flag int, perm fs.FileMode, devices bool) (File, error) {
	f, err := OpenFile(path, flag, perm, devices)
	if err != nil {
		return nil, err
	}
	return OSFile{f}, nil
}

// Stat implements [FS].
func (OS) Stat(path string) (fs.FileInfo, error) { return os.Stat(path) }

// Lstat implements [FS].
func (OS) Lstat(path string) (fs.FileInfo, error) { return os.Lstat(path) }

// ReadDir implements [FS].
func (OS) ReadDir(dir string) ([]fs.DirEntry, error) { return os.ReadDir(dir) }

// MkdirAll implements [FS].
func (OS) MkdirAll(dir string, perm fs.FileMode) error { return os.MkdirAll(dir, perm) }

// Rename implements [FS].
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// Link implements [FS].
func (OS) Link(from, to string) error { return os.Link(from, to) }

// Remove implements [FS].
func (OS) Remove(path string) error { return os.Remove(path) }

// Chtimes implements [FS].
func (OS) Chtimes(path string, accessed, modified time.Time) error {
	return os.Chtimes(path, accessed, modified)
}

// SyncDir implements [FS].
func (OS) SyncDir(dir string) error { return SyncDir(dir) }

// OSFile is a [File] of [OS].
type OSFile struct{ *os.File }

// Lock implements [File].
func (f OSFile) Lock() error { return Lock(f.File) }

// SameFile is [os.SameFile] for any [FS].
func SameFile(a, b fs.FileInfo) bool {
	if x, ok := a.(interface{ SameFile(other fs.FileInfo) bool }); ok {
		return x.SameFile(b)
	}
	return os.SameFile(a, b)
}

// MkdirAll makes a directory and its missing parents, so that they survive a power cut.
func MkdirAll(disk FS, dir string, perm fs.FileMode) error {
	parent := filepath.Dir(dir)
	if parent == dir {
		return nil
	}
	if _, err := disk.Stat(dir); err == nil {
		// A process that was killed may have made it, without a sync. That its parent, which may belong
		// to somebody else, cannot be synced is no reason to go without the directory.
		_ = disk.SyncDir(parent)
		return disk.MkdirAll(dir, perm) // an error if it is a file
	}
	if err := MkdirAll(disk, parent, perm); err != nil {
		return err
	}
	if err := disk.MkdirAll(dir, perm); err != nil {
		return err
	}
	return disk.SyncDir(parent)
}

// WalkDir is [filepath.WalkDir] for any [FS].
func WalkDir(disk FS, root string, use fs.WalkDirFunc) error {
	st, err := disk.Lstat(root)
	if err != nil {
		err = use(root, nil, err)
	} else {
		err = walk(disk, root, fs.FileInfoToDirEntry(st), use)
	}
	if errors.Is(err, fs.SkipDir) || errors.Is(err, fs.SkipAll) {
		return nil
	}
	return err
}

func walk(disk FS, path string, d fs.DirEntry, use fs.WalkDirFunc) error {
	err := use(path, d, nil)
	if err != nil || !d.IsDir() {
		return skipped(err, d)
	}
	entries, err := disk.ReadDir(path)
	if err != nil {
		if err = use(path, d, err); err != nil {
			return skipped(err, d)
		}
	}
	for _, e := range entries {
		if err := walk(disk, filepath.Join(path, e.Name()), e, use); errors.Is(err, fs.SkipDir) {
			break // of a file, it skips the rest of its directory
		} else if err != nil {
			return err
		}
	}
	return nil
}

// skipped ends SkipDir at the directory that it is about.
func skipped(err error, d fs.DirEntry) error {
	if d.IsDir() && errors.Is(err, fs.SkipDir) {
		return nil
	}
	return err
}
