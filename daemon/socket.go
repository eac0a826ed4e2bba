package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// socketMode lets every local user connect, as C daemons do. Authentication decides who may.
const socketMode = 0o666

// socketFile is the file of a UNIX socket that this daemon has bound.
type socketFile struct {
	path string
	info fs.FileInfo
}

// listenUnix binds the UNIX socket of a port, DIR/PORT (client-protocol §2.2). It replaces an
// existing socket, because a daemon that was killed leaves its own behind. It does not touch any
// other file.
func listenUnix(ctx context.Context, dir string, port int, log *slog.Logger) (net.Listener, *socketFile, error) {
	path := filepath.Join(dir, strconv.Itoa(port))
	switch info, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, nil, fmt.Errorf("cannot open the UNIX socket for clients: %w", err)
	case info.Mode().Type() != fs.ModeSocket:
		return nil, nil, fmt.Errorf("cannot open the UNIX socket for clients: %s exists and is not a socket; remove it", path)
	default:
		if alive(ctx, path) {
			log.Warn("another daemon answers on the UNIX socket, taking it over", slog.String("socket", path))
		}
		if err := os.Remove(path); err != nil {
			return nil, nil, fmt.Errorf("cannot remove the old UNIX socket: %w", err)
		}
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "unix", path)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot listen for local clients: %w", err)
	}
	// The file may belong to another daemon when this one stops. So socketFile, which checks that,
	// removes it, rather than the listener.
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	err = os.Chmod(path, socketMode)
	info, serr := os.Lstat(path)
	if err = errors.Join(err, serr); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("cannot open the UNIX socket to all users: %w", err), l.Close())
	}
	return l, &socketFile{path, info}, nil
}

// alive reports whether a process accepts connections on a UNIX socket.
func alive(ctx context.Context, path string) bool {
	d := net.Dialer{Timeout: time.Second}
	c, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

// remove removes the file if it still belongs to this daemon.
func (s *socketFile) remove() error {
	if s == nil {
		return nil
	}
	if info, err := os.Lstat(s.path); err == nil && os.SameFile(info, s.info) {
		if err := os.Remove(s.path); err != nil {
			return fmt.Errorf("cannot remove the UNIX socket: %w", err)
		}
	}
	return nil // It is gone already, or belongs to another daemon.
}
