package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
)

// socketMode lets every local user connect, as C daemons do. Authentication decides who may.
const socketMode = 0o666

// socketFile is the file of a UNIX socket that this daemon has bound. Its directory stays open, so that
// it can be removed after the daemon has changed its root directory.
type socketFile struct {
	dir  *os.Root
	path string
	info fs.FileInfo
}

// listenUnix binds a UNIX socket for clients (client-protocol §2.2). It replaces an
// existing socket, because a daemon that was killed leaves its own behind. It does not touch any
// other file.
//
// The socket is bound under another name and renamed. So daemons that start at one moment do not
// fail or remove each other's sockets: the last one has the name, and local clients always find
// one. A second daemon on the same TCP port does not get here.
func (c *Config) listenUnix(ctx context.Context, path string) (net.Listener, *socketFile, error) {
	switch info, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, nil, socketError(path, err)
	case info.Mode().Type() != fs.ModeSocket:
		return nil, nil, fmt.Errorf("cannot open the UNIX socket for clients: %s exists and is not a socket; remove it", path)
	case alive(ctx, path):
		c.Log.Warn("another daemon answers on the UNIX socket, taking it over", slog.String("socket", path))
	}
	l, temporary, err := bindTemporary(ctx, filepath.Dir(path))
	if err != nil {
		return nil, nil, socketError(path, err)
	}
	info, err := c.publish(temporary, path)
	if err != nil {
		return nil, nil, errors.Join(socketError(path, err), l.Close(), os.Remove(temporary))
	}
	dir, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, nil, errors.Join(socketError(path, err), l.Close(), os.Remove(path))
	}
	return &unixListener{Listener: l, addr: net.UnixAddr{Name: path, Net: "unix"}}, &socketFile{dir, path, info}, nil
}

// bindTemporary binds a UNIX socket with a random name that is about as short as a port, because
// the length of a socket's path is limited.
func bindTemporary(ctx context.Context, dir string) (l net.Listener, path string, err error) {
	for range 10 {
		path = filepath.Join(dir, fmt.Sprintf(".%04x", rand.IntN(1<<16)))
		var lc net.ListenConfig
		if l, err = lc.Listen(ctx, "unix", path); err == nil {
			break
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return nil, "", err
		}
	}
	// The file may belong to another daemon when this one stops. So socketFile, which checks that,
	// removes it, rather than the listener.
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	return l, path, err
}

// publish gives a socket its group, its permissions and its name.
func (c *Config) publish(temporary, path string) (fs.FileInfo, error) {
	if c.SocketGroup != "" {
		gid, err := fsutil.GroupID(c.SocketGroup)
		if err != nil {
			return nil, err
		}
		if err := os.Chown(temporary, -1, gid); err != nil {
			return nil, fmt.Errorf("cannot give it to group %s: %w", c.SocketGroup, err)
		}
	}
	if err := os.Chmod(temporary, c.SocketMode); err != nil {
		return nil, err
	}
	info, err := os.Lstat(temporary)
	if err != nil {
		return nil, err
	}
	return info, os.Rename(temporary, path)
}

// socketError says what to do about a UNIX socket that cannot be opened.
func socketError(path string, err error) error {
	return fmt.Errorf("cannot open the UNIX socket %s for clients: %w; choose another directory with -socket-dir DIR, or serve TCP clients only with -socket-dir \"\"", path, err)
}

// unixListener is a listener whose socket was renamed.
type unixListener struct {
	net.Listener
	addr net.UnixAddr
}

// Addr returns the address that clients connect to.
func (l *unixListener) Addr() net.Addr { return &l.addr }

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

// remove removes the file if it still belongs to this daemon. That it cannot is not a failure: the next
// daemon replaces it, and the one that has ended was orderly.
func (s *socketFile) remove(log *slog.Logger) {
	name := filepath.Base(s.path)
	// Otherwise it is gone already, or belongs to another daemon.
	if info, err := s.dir.Lstat(name); err == nil && os.SameFile(info, s.info) {
		if err := s.dir.Remove(name); err != nil {
			log.Warn("cannot remove the UNIX socket; give its directory to the user of this daemon", slog.String("socket", s.path), slog.Any("error", err))
		}
	}
	_ = s.dir.Close() // it was only read
}
