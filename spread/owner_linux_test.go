package spread

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/spreadd/spreadd/internal/testkit/testskip"
)

// stranger is the id of a user who is neither root nor spread.
const stranger = 65534

// listenAs listens as another user. Only the thread that listens changes to it, and ends.
func listenAs(t *testing.T, uid int, network, address string) net.Listener {
	t.Helper()
	if os.Geteuid() != 0 {
		testskip.Skip(t, "only root can become another user: run the test as root")
	}
	var l net.Listener
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)); errno != 0 {
			err = errno
			return
		}
		l, err = net.Listen(network, address)
	}()
	<-done
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// openDir returns a directory in which every user may make files.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "spread") //nolint:usetesting // Another user must reach it, and t.TempDir lies below a directory of this one.
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestStrangerAtSocket: a daemon that runs as another user gets nothing, unless that user is accepted.
func TestStrangerAtSocket(t *testing.T) {
	dir := openDir(t)
	l := listenAs(t, stranger, "unix", filepath.Join(dir, "4803"))
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte{0xf5}) // rejects: the client got as far as the handshake
			_ = c.Close()
		}
	}()
	_, err := Dial(t.Context(), "4803", WithSocketDir(dir))
	if !errors.Is(err, ErrCouldNotConnect) || !strings.Contains(err.Error(), "listens on unix "+l.Addr().String()) {
		t.Errorf("a stranger at the socket: %v", err)
	}
	for _, user := range []string{"*", strconv.Itoa(stranger)} {
		if _, err := Dial(t.Context(), "4803", WithSocketDir(dir), WithSocketUsers(user)); errors.Is(err, ErrCouldNotConnect) {
			t.Errorf("user %s is accepted: %v", user, err)
		}
	}
}

// TestStrangerAtPort: the same for the TCP port of this host that is tried after the UNIX sockets. An
// address that names a host says itself who is trusted.
func TestStrangerAtPort(t *testing.T) {
	l := listenAs(t, stranger, "tcp4", "127.0.0.1:0")
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
		}
	}()
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	_, err := Dial(t.Context(), port)
	if !errors.Is(err, ErrCouldNotConnect) || !strings.Contains(err.Error(), "listens on tcp 127.0.0.1:"+port) {
		t.Errorf("a stranger at the port: %v", err)
	}
	if _, err := Dial(t.Context(), port+"@127.0.0.1"); errors.Is(err, ErrCouldNotConnect) {
		t.Errorf("a host that was named: %v", err)
	}
}
