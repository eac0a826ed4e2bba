package cli

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/testkit"
)

// terminal opens a pseudo-terminal: what a program writes to tty is read from master, and what is
// written to master are its keys.
func terminal(t *testing.T, columns, rows uint16) (master, tty *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("this system has no pseudo-terminals: %v", err)
	}
	t.Cleanup(func() { _ = master.Close() })
	fd := int(master.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: rows}); err != nil {
		t.Fatal(err)
	}
	tty, err = os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tty.Close() })
	return master, tty
}

// TestTerminal: on a terminal there is a screen without being asked for, q leaves, and the terminal
// is as it was.
func TestTerminal(t *testing.T) {
	t.Setenv("TERM", "xterm-256color")
	f := newFarm(t)
	master, tty := terminal(t, 120, 40)
	before, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	screen := new(testkit.Output)
	read := make(chan struct{})
	go func() {
		defer close(read)
		b := make([]byte, 4096)
		for {
			n, err := master.Read(b)
			_, _ = screen.Write(b[:n])
			if err != nil {
				return
			}
		}
	}()
	status := make(chan int, 1)
	go func() { status <- run(t.Context(), strings.Fields("-g weblogs -s "+f.address), tty, tty, tty) }()
	for deadline := time.Now().Add(time.Minute); !strings.Contains(screen.String(), "www.example.com"); {
		if time.Now().After(deadline) {
			t.Fatalf("the screen never showed the traffic: %q", screen.String())
		}
		f.send(t, 1)                      // what is sent before it has joined is lost
		time.Sleep(50 * time.Millisecond) //house:sleep polls a terminal
	}
	if _, err := master.WriteString("q"); err != nil {
		t.Fatal(err)
	}
	if s := <-status; s != flags.OK {
		t.Errorf("status %d", s)
	}
	after, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	if after.Lflag != before.Lflag || after.Iflag != before.Iflag {
		t.Errorf("the terminal was left with flags %x and %x, it had %x and %x", after.Iflag, after.Lflag, before.Iflag, before.Lflag)
	}
	if err := errors.Join(tty.Close(), master.Close()); err != nil {
		t.Error(err)
	}
	<-read
	if !strings.Contains(screen.String(), "\x1b[?1049h") || !strings.Contains(screen.String(), "\x1b[?1049l") {
		t.Error("the screen was not entered and left")
	}
}
