package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/spreadconf"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/internal/testkit/testskip"
)

const asDaemon = "SPREADD_TEST_REALTIME"

// TestRealtimeDaemon is not a test: TestRealtime runs it as a process of its own.
func TestRealtimeDaemon(t *testing.T) {
	if os.Getenv(asDaemon) == "" {
		t.Skip("part of TestRealtime")
	}
	p := program{stdout: os.Stdout, stderr: os.Stdout, env: spreadconf.SystemEnvironment()}
	if s := p.run(t.Context(), strings.Fields(os.Getenv(asDaemon))); s != flags.OK {
		t.Errorf("status %d", s)
	}
}

// TestRealtime: every thread of the daemon has a real-time priority; a daemon that may not have one
// says how to allow it, and does not start.
func TestRealtime(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "spread.conf")
	f := &fleet{t: t, file: file, ports: make(map[string]int)}
	f.write("", "a")
	start := func(as *syscall.SysProcAttr) (*exec.Cmd, *testkit.Output) {
		t.Helper()
		c := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestRealtimeDaemon$")
		c.Env = append(os.Environ(), asDaemon+"=-realtime -n a -socket-dir= -run-dir= -c "+file)
		var out testkit.Output
		c.Stdout, c.Stderr, c.SysProcAttr = &out, &out, as
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		return c, &out
	}
	if err := mayRealtime(); err != nil {
		testskip.Skip(t, "a real-time priority is not allowed here: "+err.Error())
	}
	c, out := start(nil)
	testkit.Wait(t, "the daemon serves clients", func() bool { return strings.Contains(out.String(), "serving clients") })
	for id, policy := range policies(t, c.Process.Pid) {
		if policy != unix.SCHED_RR {
			t.Errorf("thread %d has the policy %d", id, policy)
		}
	}
	_ = c.Process.Kill()
	_ = c.Wait()

	// In a user namespace of its own, root has no rights over the priorities of the host.
	c, out = start(&syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
	})
	if err := c.Wait(); err == nil || !strings.Contains(out.String(), "operation not permitted; allow it with LimitRTPRIO=1 in the unit") {
		t.Errorf("a daemon that may not: %v, says\n%s", err, out)
	}
}

// mayRealtime tries it on a process of its own.
func mayRealtime() error { return exec.Command("chrt", "-r", "1", "true").Run() }

// policies returns the policy of each thread of a process.
func policies(t *testing.T, pid int) map[int]int {
	t.Helper()
	list, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(pid), "task"))
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[int]int)
	for _, e := range list {
		id, _ := strconv.Atoi(e.Name())
		a, err := unix.SchedGetAttr(id, 0)
		if errors.Is(err, syscall.ESRCH) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		found[id] = int(a.Policy)
	}
	if len(found) == 0 {
		t.Error("no threads")
	}
	return found
}
