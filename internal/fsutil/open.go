package fsutil

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"
)

// ErrNotFile means that a FIFO, a socket, a directory or a device is in a file's place.
var ErrNotFile = errors.New("not a regular file")

// OpenFile is [os.OpenFile] for log files. It never blocks: opening a FIFO would wait for the process
// at its other end. With devices it also opens character devices and what is below /dev, such as
// /dev/null and /dev/stdout. Anything else that is no regular file is an [fs.PathError] with
// [ErrNotFile].
func OpenFile(path string, flag int, perm os.FileMode, devices bool) (*os.File, error) {
	refused := &fs.PathError{Op: "open", Path: path, Err: ErrNotFile}
	// The system refuses to write to directories, with an error of its own.
	if info, err := os.Stat(path); err == nil && !info.IsDir() && !isFile(path, info.Mode(), devices) {
		return nil, refused
	}
	f, err := os.OpenFile(path, flag|nonblock, perm)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat() // it may have been replaced since
	switch {
	case err != nil:
	case !isFile(path, info.Mode(), devices):
		err = refused
	default:
		return f, nil
	}
	return nil, errors.Join(err, f.Close())
}

func isFile(path string, mode fs.FileMode, devices bool) bool {
	return mode.IsRegular() || devices && (mode&fs.ModeCharDevice != 0 || strings.HasPrefix(path, "/dev/"))
}

// ReadFile is [os.ReadFile] for configurations and secrets. What is no regular file is refused as by
// [OpenFile], except below /dev, where shells put what they pass on, as in -c <(sops -d FILE). Waiting
// for its writer ends with ctx.
func ReadFile(ctx context.Context, path string) ([]byte, error) {
	f, err := OpenFile(path, os.O_RDONLY, 0, true)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	// Regular files have no deadlines, and need none.
	stop := context.AfterFunc(ctx, func() { _ = f.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	b, err := io.ReadAll(f)
	if ctx.Err() != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		err = ctx.Err()
	}
	return b, err
}
