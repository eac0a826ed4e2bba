//go:build unix

package fsutil

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

const (
	nonblock = syscall.O_NONBLOCK
	nofollow = syscall.O_NOFOLLOW
	// maxLinks is how many symbolic links lead to a file at most, as in Linux.
	maxLinks = 40
)

// ownTarget follows the symbolic links in the place of a file, which must belong to root or to the user
// of this process. It does not look at those of its directories.
func ownTarget(path string) (string, error) {
	for range maxLinks {
		if isSpecial(path) {
			return path, nil
		}
		info, err := os.Lstat(path)
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			return path, nil //nolint:nilerr // the open says what is wrong
		}
		if st, ok := info.Sys().(*syscall.Stat_t); !ok || !isOwn(st) {
			return "", ErrForeignLink
		}
		to, err := os.Readlink(path)
		if err != nil {
			return "", err
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(path), to)
		}
		path = to
	}
	return "", syscall.ELOOP
}

func isOwn(st *syscall.Stat_t) bool { return st.Uid == 0 || int(st.Uid) == os.Geteuid() }

// isForeign reports whether a regular file has several names and belongs to somebody else.
func isForeign(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && info.Mode().IsRegular() && st.Nlink > 1 && !isOwn(st)
}
