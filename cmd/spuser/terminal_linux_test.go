package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/spreadd/spreadd/internal/testkit/golden"
	"github.com/spreadd/spreadd/spread"
	"github.com/spreadd/spreadd/spread/spreadtest"
)

// columns is how wide the terminals are.
const columns = 60

// openTerminal returns the two ends of a pseudo terminal.
func openTerminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	t.Cleanup(func() { _ = master.Close() })
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 200, Col: columns}); err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	t.Cleanup(func() { _ = slave.Close() })
	return master, slave
}

// display is what a person sees: it obeys the few control sequences that a line
// editor needs, and scrolls for ever.
type display struct {
	rows     [][]rune
	row, col int
}

func (d *display) show(text string) error {
	for text != "" {
		var arg int
		switch c := text[0]; {
		case c == '\r':
			d.col = 0
		case c == '\n':
			d.row++
		case c == '\t':
			d.col = d.col/8*8 + 8
		case c != '\x1b' && c < ' ':
			return fmt.Errorf("control character %q", c)
		case c != '\x1b':
			if d.col == columns {
				d.row, d.col = d.row+1, 0
			}
			row := d.line()
			for len(*row) <= d.col {
				*row = append(*row, ' ')
			}
			(*row)[d.col] = rune(c)
			d.col++
		default:
			end := strings.IndexFunc(text, func(r rune) bool { return r >= 'A' && r <= 'Z' })
			if end < 2 || text[1] != '[' {
				return fmt.Errorf("control sequence %.10q", text)
			}
			arg, _ = strconv.Atoi(text[2:end]) // empty is 1
			arg = max(1, arg)
			switch text[end] {
			case 'A':
				d.row -= arg
			case 'B':
				d.row += arg
			case 'C':
				d.col += arg
			case 'D':
				d.col -= arg
			case 'K':
				row := d.line()
				*row = (*row)[:min(len(*row), d.col)]
			default:
				return fmt.Errorf("control sequence %.10q", text)
			}
			text = text[end:]
		}
		text = text[1:]
	}
	return nil
}

func (d *display) line() *[]rune {
	for len(d.rows) <= d.row {
		d.rows = append(d.rows, nil)
	}
	return &d.rows[d.row]
}

// String returns the screen without the blanks at the ends, which nobody sees.
// The cursor is an underscore.
func (d *display) String() string {
	d.line()
	var s strings.Builder
	for i, row := range d.rows {
		text := strings.TrimRight(string(row), " ")
		if i == d.row {
			text = fmt.Sprintf("%-*s", d.col, text)
			text = text[:d.col] + "_" + text[d.col:]
		}
		s.WriteString(text + "\n")
	}
	return strings.TrimRight(s.String(), "\n") + "\n"
}

// terminalSession is a program on a terminal.
type terminalSession struct {
	t         *testing.T
	daemon    *spreadtest.Daemon
	master    *os.File
	slaveFD   int
	written   chan string
	display   display
	interrupt context.CancelFunc
	done      chan error
	before    *unix.Termios
}

func startSession(t *testing.T, history string) *terminalSession {
	s := &terminalSession{t: t, daemon: spreadtest.New("alpha"), written: make(chan string), done: make(chan error, 1)}
	t.Cleanup(s.daemon.Close)
	master, slave := openTerminal(t)
	s.master, s.slaveFD = master, int(slave.Fd())
	s.before = s.termios()
	var ctx context.Context
	ctx, s.interrupt = context.WithCancel(t.Context())
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := s.master.Read(b)
			if err != nil {
				return
			}
			select {
			case s.written <- string(b[:n]):
			case <-t.Context().Done():
				return
			}
		}
	}()
	go func() {
		s.done <- interact(ctx, config{
			Address: "4803",
			console: newConsole(slave, slave, history),
			Dial: func(ctx context.Context) (connection, error) {
				return spread.Dial(ctx, "", spread.WithName("u1"), spread.WithMembership(true), spread.WithDialer(s.daemon.Dial))
			},
		})
	}()
	return s
}

func (s *terminalSession) termios() *unix.Termios {
	s.t.Helper()
	state, err := unix.IoctlGetTermios(s.slaveFD, unix.TCGETS)
	if err != nil {
		s.t.Fatal(err)
	}
	return state
}

// see waits until the screen ends in text.
func (s *terminalSession) see(text string) {
	s.t.Helper()
	limit := time.After(patience)
	for !strings.HasSuffix(s.display.String(), text+"\n") {
		select {
		case written := <-s.written:
			if err := s.display.show(written); err != nil {
				s.t.Fatal(err)
			}
		case <-limit:
			s.t.Fatalf("timed out waiting for %q; the screen is\n%s", text, s.display.String())
		}
	}
}

func (s *terminalSession) press(keys string) {
	s.t.Helper()
	if _, err := s.master.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
}

// end waits for the end of the program, and checks that it leaves the terminal
// as it was.
func (s *terminalSession) end() error {
	s.t.Helper()
	select {
	case err := <-s.done:
		if after := s.termios(); *after != *s.before {
			s.t.Errorf("the terminal was %+v and is %+v", s.before, after)
		}
		return err
	case <-time.After(patience):
		s.t.Fatal("the program does not end")
		return nil
	}
}

// The keys.
const (
	enter = "\r"
	left  = "\x1b[D"
	up    = "\x1b[A"
	back  = "\x7f"
	home  = "\x01" // control and a
	erase = "\x15" // control and u
	eof   = "\x04"
)

// TestTerminal is a session of somebody who mistypes: lines are edited and
// recalled, and a message arrives while one is being typed.
func TestTerminal(t *testing.T) {
	history := filepath.Join(t.TempDir(), "history")
	if err := os.WriteFile(history, []byte("j g\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startSession(t, history)
	other, err := spread.Dial(t.Context(), "", spread.WithName("bob"), spread.WithDialer(s.daemon.Dial))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Kill()

	s.see("\nUser> _")
	s.press("x lgs" + left + left + "o" + home)
	s.see("\nUser> _x logs")
	s.press("\x1b[Cj" + home + "\x1b[3~")
	s.see("\nUser> _j logs")
	s.press(enter)
	s.see("Due to the JOIN of #u1#alpha\n\nUser> _")

	s.press("s lot" + back)
	s.see("\nUser> s lo_")
	if err := other.Multicast(t.Context(), spread.Agreed, 7, []byte("look \x1b[2J here"), "logs"); err != nil {
		t.Fatal(err)
	}
	s.see(": look \\x1b[2J here\n\nUser> s lo_")
	s.press("gs" + enter)
	s.see("\nenter message: _")
	s.press("hello" + enter)
	s.see(": hello\n\n\nUser> _")

	// A line longer than the terminal is wide.
	s.press(strings.Repeat("0123456789", 6))
	s.see("\nUser> 012345678901234567890123456789012345678901234567890123\n456789_")
	if err := other.Multicast(t.Context(), spread.Agreed, 7, []byte("again"), "logs"); err != nil {
		t.Fatal(err)
	}
	s.see(": again\n\nUser> 012345678901234567890123456789012345678901234567890123\n456789_")
	s.press(erase + up)
	s.see("\nUser> hello_")
	s.press(up + up + up)
	s.see("\nUser> j g_")
	s.press(erase)
	s.see("\nUser> _")
	s.press(eof)
	if err := s.end(); err != nil {
		t.Error(err)
	}
	s.see("\nBye.\n_")
	golden.File(t, "testdata/terminal.screen", s.display.String())
	text, err := os.ReadFile(history)
	if want := "j g\nj logs\ns logs\n"; err != nil || string(text) != want {
		t.Errorf("the history is %q (%v), want %q", text, err, want)
	}
}

// TestTerminalLost: the connection is lost while a line is being typed.
func TestTerminalLost(t *testing.T) {
	s := startSession(t, "")
	s.see("\nUser> _")
	s.press("j hal")
	s.see("\nUser> j hal_")
	s.daemon.Drop("u1")
	if err := s.end(); !errors.Is(err, spread.ErrConnectionClosed) {
		t.Error(err)
	}
	s.see("\nUser> j hal\n\n============================\nSP_error: (-8) Connection closed by Spread.\n\n============================\n\nBye.\n_")
}

// TestTerminalStuck: while the program waits for a message the interrupt key
// works, so that one can get out.
func TestTerminalStuck(t *testing.T) {
	s := startSession(t, "")
	s.see("\nUser> _")
	if s.termios().Lflag&unix.ISIG != 0 {
		t.Error("the terminal is not in raw mode while a line is edited")
	}
	s.press("r" + enter)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	limit := time.After(patience)
	for s.termios().Lflag&unix.ISIG == 0 {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal("the interrupt key is not given back")
		}
	}
	s.interrupt() // what the key does, by way of a signal
	if err := s.end(); err != nil {
		t.Error(err)
	}
	s.see("\nBye.\n_")
}

// TestTerminalInterrupt: the interrupt key quits while a line is asked for.
func TestTerminalInterrupt(t *testing.T) {
	s := startSession(t, "")
	s.see("\nUser> _")
	s.press("j lo\x03")
	if err := s.end(); err != nil {
		t.Error(err)
	}
	s.see("\nBye.\n_")
}

// TestDumbTerminal: without the sequences of an editor there is none.
func TestDumbTerminal(t *testing.T) {
	t.Setenv("TERM", "dumb")
	s := startSession(t, "")
	s.see("\nUser> _")
	if *s.termios() != *s.before {
		t.Error("the terminal was changed")
	}
	s.press("q\n")
	if err := s.end(); err != nil {
		t.Error(err)
	}
	s.see("\nBye.\n_")
}
