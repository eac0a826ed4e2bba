package netns

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/spreadd/spreadd/internal/testkit/testskip"
)

// Space is a network namespace with a thread in it.
type Space struct {
	calls chan func()
	path  string
	root  string
}

// New makes a namespace that exists until the test ends. It skips the test if that is impossible.
func New(t testing.TB) *Space {
	t.Helper()
	s, err := newSpace(t)
	if err != nil {
		testskip.Skip(t, err.Error())
	}
	return s
}

func newSpace(t testing.TB) (*Space, error) {
	t.Helper()
	s := &Space{calls: make(chan func())}
	ready := make(chan error)
	ended := make(chan struct{})
	var fd *os.File
	go func() {
		defer close(ended)
		runtime.LockOSThread() // It is never unlocked, so the thread ends with the goroutine.
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			fd, err = os.Open("/proc/thread-self/ns/net")
		}
		s.root = fmt.Sprintf("/proc/%d/task/%d/root", os.Getpid(), unix.Gettid())
		ready <- err
		for f := range s.calls {
			f()
		}
	}()
	if err := <-ready; err != nil {
		close(s.calls)
		return nil, fmt.Errorf("cannot create a network namespace: %w; run this test as root where containers may create them", err)
	}
	s.path = fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), fd.Fd())
	t.Cleanup(func() {
		close(s.calls)
		<-ended
		_ = fd.Close()
	})
	return s, nil
}

// Path returns the path of the namespace, for ip.
func (s *Space) Path() string { return s.path }

// Tmpfs mounts a file system of a size on a directory. Only the namespace and the programs that are
// started in it from now on see it, and it ends with them. [Space.Root] leads others there. It skips
// the test if mounting is not allowed.
func (s *Space) Tmpfs(t testing.TB, dir string, bytes int) {
	t.Helper()
	var err error
	s.Do(func() {
		if err = unix.Unshare(unix.CLONE_NEWNS); err != nil {
			return
		}
		if err = unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			return
		}
		err = unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", bytes))
	})
	if err != nil {
		testskip.Skip(t, fmt.Sprintf("cannot mount a file system on %s: %v; run this test as root where containers may mount", dir, err))
	}
}

// Private makes the namespace a host with a name and with directories of its own: what is written to
// them is seen only by the namespace and by programs that are started in it from now on, and ends
// with them. They begin as copies of the real ones. It skips the test if mounting is not allowed.
func (s *Space) Private(t testing.TB, name string, dirs ...string) {
	t.Helper()
	var err error
	s.Do(func() { err = private(name, dirs) })
	if err != nil {
		testskip.Skip(t, fmt.Sprintf("cannot make the files of host %s private: %v; run this test as root where containers may mount", name, err))
	}
}

func private(name string, dirs []string) error {
	if err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_NEWUTS); err != nil {
		return err
	}
	if err := unix.Sethostname([]byte(name)); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	const changes = "/mnt" // overlayfs keeps what is written here
	if err := unix.Mount("tmpfs", changes, "tmpfs", 0, "mode=755"); err != nil {
		return err
	}
	for i, dir := range dirs {
		upper, work := fmt.Sprintf("%s/%d", changes, i), fmt.Sprintf("%s/%d.work", changes, i)
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		if err := errors.Join(os.Mkdir(upper, 0o755), os.Chmod(upper, info.Mode()), os.Mkdir(work, 0o755)); err != nil {
			return err
		}
		if err := unix.Mount("overlay", dir, "overlay", 0, "lowerdir="+dir+",upperdir="+upper+",workdir="+work); err != nil {
			return fmt.Errorf("overlay on %s: %w", dir, err)
		}
	}
	return nil
}

// Root returns the path of the root directory as the namespace sees it.
func (s *Space) Root() string { return s.root }

// Do runs f in the namespace. A program that f starts runs in it too.
func (s *Space) Do(f func()) {
	done := make(chan struct{})
	s.calls <- func() {
		defer close(done)
		f()
	}
	<-done
}

// Run runs a program in the namespace with input as its standard input, and returns its output.
func (s *Space) Run(input, name string, args ...string) (output string, err error) {
	s.Do(func() {
		cmd := exec.Command(name, args...) //nolint:noctx // It must not be interrupted halfway.
		cmd.Stdin = strings.NewReader(input)
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		var b []byte
		b, err = cmd.CombinedOutput()
		output = string(b)
	})
	return output, err
}

// Must is Run for a program that must succeed.
func (s *Space) Must(t testing.TB, input, name string, args ...string) {
	t.Helper()
	if out, err := s.Run(input, name, args...); err != nil {
		t.Fatalf("%s %s: %v: %s\n%s", name, strings.Join(args, " "), err, out, input)
	}
}

// IP runs ip commands in the namespace.
func (s *Space) IP(t testing.TB, commands ...string) {
	t.Helper()
	s.Must(t, strings.Join(commands, "\n")+"\n", "ip", "-batch", "-")
}

// Require skips the test if this host cannot make networks, and says what is missing and how to get
// it.
func Require(t testing.TB) {
	t.Helper()
	if err := check(t); err != nil {
		testskip.Skip(t, err.Error())
	}
}

func check(t testing.TB) error {
	t.Helper()
	if os.Geteuid() != 0 {
		return errors.New("network namespaces need root; run this test with sudo")
	}
	for program, pack := range map[string]string{"ip": "iproute2", "nft": "nftables"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%s is not installed (Debian: apt-get install %s)", program, pack)
		}
	}
	s, err := newSpace(t)
	if err != nil {
		return err
	}
	for what, try := range map[string][]string{
		"a bridge":  {"ip", "link", "add", "trial", "type", "bridge"},
		"a veth":    {"ip", "link", "add", "one", "type", "veth", "peer", "name", "other"},
		"nf_tables": {"nft", "add", "table", "inet", "trial"},
	} {
		if out, err := s.Run("", try[0], try[1:]...); err != nil {
			return fmt.Errorf("the kernel cannot make %s: %s: %w: %s", what, strings.Join(try, " "), err, out)
		}
	}
	return nil
}
