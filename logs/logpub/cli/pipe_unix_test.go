//go:build unix

package cli

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/testkit"
)

// TestPipeStays: SIGTERM while lines come loses none: what the program has not sent is in the pipe, for the one that
// the web server starts next.
func TestPipeStays(t *testing.T) {
	_, address := serveDaemon(t)
	var fds [2]int
	if err := syscall.Pipe(fds[:]); err != nil {
		t.Fatal(err)
	}
	r, w := os.NewFile(uintptr(fds[0]), "r"), os.NewFile(uintptr(fds[1]), "w") // they block, as those of a web server
	defer func() { _ = r.Close() }()
	syscall.CloseOnExec(fds[1])
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), asProgram+"=-g g -u web -drain 400ms -s "+address)
	cmd.Stdin = r
	var stderr testkit.Output
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stderr.Wait(t, "msg=connected")
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	written := 0
	for running := true; running; written++ {
		if written == 100 {
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := fmt.Fprintf(w, "line %d\n", written); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-ended:
			running = false
			if err != nil {
				t.Errorf("it ends with %v: %s", err, &stderr)
			}
		case <-t.Context().Done():
			return
		case <-time.After(50 * time.Microsecond): // so that the pipe does not fill
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	left, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	sent := written - strings.Count(string(left), "\n")
	if !strings.Contains(stderr.String(), fmt.Sprintf("msg=stopped took=%d sent=%d dropped=0", sent, sent)) {
		t.Errorf("%d of %d lines are not in the pipe any more; the log says %s", sent, written, &stderr)
	}
}
