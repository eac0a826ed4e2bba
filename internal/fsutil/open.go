package fsutil

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"
)

// ErrNotFile means that a FIFO, a socket, a directory or a device is in a file's place.
var ErrNotFile = errors.New("not a regular file")

// ErrForeignLink means that another user made a symbolic link in the place of a file, or that its file has
// another name and belongs to another user.
var ErrForeignLink = errors.New("a link of another user; remove it")

// MaxRead is how many bytes [ReadFile] reads at most. The largest configurations have some 20 kB.
const MaxRead = 1 << 20

// ErrTooLong means that a file has more than [MaxRead] bytes.
var ErrTooLong = fmt.Errorf("it has more than %d bytes; is it the right file?", MaxRead)

// OpenFile is [os.OpenFile] for log files. It never blocks: opening a FIFO would wait for the process
// at its other end. With devices it also opens what is below /dev and /proc, such as /dev/null and
// /dev/stdout, and for reading any character device. Anything else that is no regular file is an
// [fs.PathError] with [ErrNotFile]. A file that may be created, outside of /dev and /proc, is not reached
// through a symbolic link that belongs to somebody else than root and the user of this process, and is no
// file of somebody else that has another name ([ErrForeignLink]).
func OpenFile(path string, flag int, perm os.FileMode, devices bool) (*os.File, error) {
	if flag&os.O_CREATE != 0 {
		target, err := ownTarget(path)
		if err != nil {
			return nil, &fs.PathError{Op: "open", Path: path, Err: err}
		}
		if path = target; !isSpecial(path) {
			flag |= nofollow
		}
	}
	refused := &fs.PathError{Op: "open", Path: path, Err: ErrNotFile}
	// The system refuses to write to directories, with an error of its own.
	if info, err := os.Stat(path); err == nil && !info.IsDir() && !isFile(path, info.Mode(), flag, devices) {
		return nil, refused
	}
	f, err := os.OpenFile(path, flag|nonblock, perm)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat() // it may have been replaced since
	switch {
	case err != nil:
	case !isFile(path, info.Mode(), flag, devices):
		err = refused
	case flag&os.O_CREATE != 0 && isForeign(info):
		err = &fs.PathError{Op: "open", Path: path, Err: ErrForeignLink}
	default:
		return f, nil
	}
	return nil, errors.Join(err, f.Close())
}

// isSpecial reports whether the system makes the links of a path.
func isSpecial(path string) bool {
	return strings.HasPrefix(path, "/dev/") || strings.HasPrefix(path, "/proc/")
}

func isFile(path string, mode fs.FileMode, flag int, devices bool) bool {
	return mode.IsRegular() || devices && (isSpecial(path) || mode&fs.ModeCharDevice != 0 && flag&os.O_CREATE == 0)
}

// ReadFile is [os.ReadFile] for configurations and secrets. What is no regular file is refused as by
// [OpenFile], except below /dev, where shells put what they pass on, as in -c <(sops -d FILE). Waiting
// for its writer ends with ctx. More than [MaxRead] bytes, as of /dev/zero, are [ErrTooLong].
func ReadFile(ctx context.Context, path string) ([]byte, error) {
	f, err := OpenFile(path, os.O_RDONLY, 0, true)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	// Regular files have no deadlines, and need none.
	stop := context.AfterFunc(ctx, func() { _ = f.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	b, err := io.ReadAll(io.LimitReader(f, MaxRead+1))
	if len(b) > MaxRead {
		return nil, &fs.PathError{Op: "read", Path: path, Err: ErrTooLong}
	}
	if ctx.Err() != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		err = ctx.Err()
	}
	return b, err
}
