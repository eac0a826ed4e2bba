//go:build unix

package cli

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/testkit"
)

// asProgram is the environment variable that makes the test binary the program.
const asProgram = "LOGPUB_TEST_ARGS"

// TestMain runs the program in the processes that launch starts.
func TestMain(m *testing.M) {
	if args := os.Getenv(asProgram); args != "" {
		os.Args = append(os.Args[:1], strings.Fields(args)...)
		os.Exit(Main()) //nolint:forbidigo // it is a program then, and not a test
	}
	m.Run()
}

// TestSignals: the signals of Apache's restarts do not end the program; SIGTERM
// does, after what is still written to the pipe.
func TestSignals(t *testing.T) {
	d, address := serveDaemon(t)
	sub := subscribe(t, d, "g")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), asProgram+"=-g g -u web -s "+address)
	var stderr testkit.Output
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	signal := func(s os.Signal) {
		t.Helper()
		if err := cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	line := func(text string) {
		t.Helper()
		if _, err := io.WriteString(stdin, text); err != nil {
			t.Fatal(err)
		}
		if got, want := next(t, sub), strings.TrimSuffix(text, "\n"); !strings.Contains(got, want) {
			t.Errorf("received %s, want %q; the log says %s", got, want, &stderr)
		}
	}
	line("one\n") // the signals are ignored by now
	for _, s := range []os.Signal{syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGPIPE} {
		signal(s)
	}
	line("two\n")
	signal(syscall.SIGTERM)
	signal(syscall.SIGTERM)
	line("three\n")
	began := time.Now()
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ends with %v: %s", err, &stderr)
	}
	if took := time.Since(began); took > patience {
		t.Errorf("it ended after %v", took)
	}
	if !strings.Contains(stderr.String(), "msg=stopped took=3 sent=3 dropped=0 truncated=0") {
		t.Errorf("the log says %s", &stderr)
	}
}
