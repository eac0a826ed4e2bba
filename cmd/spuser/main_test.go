package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spreadd/spreadd/cmd/spuser/recording"
	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/daemon/session"
	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/internal/flags/flagstest"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/spread/spreadtest"
)

// patience is how long a test waits for something that should happen at once.
const patience = testkit.Patience

// process is a spuser that runs.
type process struct {
	t        *testing.T
	keyboard *io.PipeWriter
	status   chan int

	mu      sync.Mutex
	output  bytes.Buffer
	written chan struct{}
}

// Write takes what the program prints.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case p.written <- struct{}{}:
	default:
	}
	return p.output.Write(b)
}

func (p *process) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

func start(ctx context.Context, t *testing.T, args ...string) *process {
	p := &process{t: t, status: make(chan int, 1), written: make(chan struct{}, 1)}
	stdin, keyboard := io.Pipe()
	p.keyboard = keyboard
	t.Cleanup(func() { _ = keyboard.Close() })
	go func() { p.status <- run(ctx, args, stdin, p, io.Discard) }()
	return p
}

// see waits until the output has text.
func (p *process) see(text string) {
	p.t.Helper()
	p.wait(text, 1)
}

// wait waits until the output has text a number of times.
func (p *process) wait(text string, times int) {
	p.t.Helper()
	limit := time.After(patience)
	for strings.Count(p.text(), text) < times {
		select {
		case <-p.written:
		case <-limit:
			p.t.Fatalf("timed out waiting for %q in\n%s", text, p.text())
		}
	}
}

func (p *process) enter(line string) {
	p.t.Helper()
	if _, err := io.WriteString(p.keyboard, line+"\n"); err != nil {
		p.t.Fatal(err)
	}
}

func (p *process) end(want int) {
	p.t.Helper()
	select {
	case status := <-p.status:
		if status != want {
			p.t.Errorf("status %d, want %d, after\n%s", status, want, p.text())
		}
	case <-time.After(patience):
		p.t.Fatalf("does not end after\n%s", p.text())
	}
}

// startDaemon runs a daemon, and returns its addresses for TCP and for UNIX sockets.
func startDaemon(t *testing.T, methods ...session.Method) (tcp, unix string) {
	t.Helper()
	dir := t.TempDir()
	d, err := daemon.New(daemon.Config{
		Engine: engine.Config{Topology: topology.Alone(1, "alpha"), Self: 1},
		Listen: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}, SocketDir: dir,
		Sessions: session.Config{Auth: session.Auth{Allowed: methods}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { done <- d.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	for _, a := range d.Addrs() {
		if a, ok := a.(*net.TCPAddr); ok {
			return fmt.Sprintf("%d@127.0.0.1", a.Port), filepath.Join(dir, fmt.Sprint(a.Port))
		}
	}
	t.Fatalf("no TCP address among %v", d.Addrs())
	return "", ""
}

// TestTwo: two people at a real daemon, one by TCP, one by its UNIX socket, who
// see each other come, talk and go.
func TestTwo(t *testing.T) {
	tcp, unix := startDaemon(t, session.NullMethod{})
	ann := start(t.Context(), t, "-u", "ann", "-s", tcp)
	ann.see("User: connected to " + tcp + " with private group #ann#alpha\n")
	ann.enter("j talk")
	ann.see("where I am member 0:\n\t#ann#alpha\n")
	bob := start(t.Context(), t, "-u", "bob", "-s", unix)
	bob.see("with private group #bob#alpha\n")
	bob.enter("j talk")
	bob.see("where I am member 1:\n\t#ann#alpha\n\t#bob#alpha\n")
	ann.see("Due to the JOIN of #bob#alpha\n\nUser> ")

	// What waits is counted in bytes: a header, a group and six bytes.
	prompts := strings.Count(ann.text(), "\nUser> ")
	ann.enter("d")
	ann.wait("\nUser> ", prompts+1)
	bob.enter("s talk")
	bob.see("enter message: ")
	bob.enter("hello")
	bob.see("(6 bytes): hello\n")
	limit := time.Now().Add(patience)
	for ask := 1; !strings.Contains(ann.text(), "Polling sais: 86\n"); ask++ {
		if time.Now().After(limit) {
			t.Fatalf("no message of 86 bytes waits: %q", ann.text()[len(ann.text())-100:])
		}
		ann.enter("p")
		ann.wait("Polling sais: ", ask)
	}
	ann.enter("r")
	ann.see("received SAFE message from #bob#alpha, of type 1, (endian 0) to 1 groups \n(6 bytes): hello\n")
	ann.enter("e")
	bob.enter("l talk")
	bob.see("received membership message that left group talk\n")
	ann.see("Due to the LEAVE of #bob#alpha\n")
	bob.enter("j talk")
	bob.see("grp id is")
	ann.enter("b #bob#alpha")
	ann.see("enter size of each message: ")
	ann.enter("12")
	ann.see("sent message 10 (total 10)\n")
	bob.see("received FIFO message from #ann#alpha, of type 2, (endian 0) to 1 groups \n(12 bytes): mess num 10 \n")
	bob.enter("q")
	bob.end(0)
	ann.see("Due to the DISCONNECT of #bob#alpha\n")
	if err := ann.keyboard.Close(); err != nil {
		t.Fatal(err)
	}
	ann.end(0)
	if !strings.HasSuffix(ann.text(), "\nUser> \nBye.\n") {
		t.Errorf("the end is\n%s", ann.text())
	}
}

// TestPassword: -n and -p are for daemons that want them.
func TestPassword(t *testing.T) {
	tcp, _ := startDaemon(t, session.PasswordMethod{Verify: func(user, password string) bool {
		return user == "ann" && password == "secret"
	}})
	good := start(t.Context(), t, "-s", tcp, "-n", "ann", "-p", "secret")
	good.see("User: connected to ")
	good.enter("q")
	good.end(0)
	bad := start(t.Context(), t, "-s", tcp, "-u", "other", "-n", "ann", "-p", "Secret")
	bad.see("SP_error: (-9) Connection rejected, authentication failed.\n\nBye.\n")
	bad.end(1)
}

// TestJSON: with -json the output is records, one a line, and the status shows failures.
func TestJSON(t *testing.T) {
	d := spreadtest.New("alpha")
	defer d.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = d.Serve(l) }()
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	p := start(t.Context(), t, "-json", "-u", "tool", "-s", port+"@127.0.0.1")
	p.see(`"connected"`)
	p.enter("j g")
	p.see(`"membership"`)
	p.enter("s g")
	p.enter("text")
	p.see(`"message"`)
	d.Drop("tool")
	p.end(1)
	var events []string
	for line := range strings.Lines(p.text()) {
		var r recording.Event
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Errorf("%q: %v", line, err)
		}
		if time.Since(r.Time).Abs() > time.Hour {
			t.Errorf("%q is not of now", line)
		}
		events = append(events, r.Event)
	}
	slices.Sort(events[2:4]) // the record of sending may stand on either side of the message
	if want := "[connected membership message sent error closed]"; fmt.Sprint(events) != want {
		t.Errorf("events %v, want %s", events, want)
	}
}

// TestReconnect: with -k a restart of the daemon ends neither the program nor its memberships.
func TestReconnect(t *testing.T) {
	d := spreadtest.New("alpha")
	defer d.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = d.Serve(l) }()
	defer l.Close()
	for _, json := range []bool{false, true} {
		args := []string{"-k", "-u", "me", "-s", l.Addr().String()}
		if json {
			args = append(args, "-json")
		}
		p := start(t.Context(), t, args...)
		p.enter("j g")
		p.wait("#me#alpha", 2+map[bool]int{true: 2}[json]) // its name, and the view
		d.SetDown(true)
		p.wait(map[bool]string{false: "lost the connection to ", true: `"event":"disconnected"`}[json], 1)
		d.SetDown(false)
		p.wait(map[bool]string{false: "Due to the JOIN of #me#alpha", true: `"changed":"#me#alpha"`}[json], 2)
		p.enter("s g")
		p.enter("still here")
		p.wait("still here", 1)
		p.enter("q")
		p.end(0)
	}
	nobody := start(t.Context(), t, "-k", "-s", filepath.Join(t.TempDir(), "4803"))
	nobody.see("SP_error: (-2) Could not connect.\n\nBye.\n")
	nobody.end(1)
}

// TestSignal: what main makes of a signal ends the session in order.
func TestSignal(t *testing.T) {
	tcp, _ := startDaemon(t, session.NullMethod{})
	ctx, cancel := context.WithCancel(t.Context())
	p := start(ctx, t, "-s", tcp)
	p.see("\nUser> ")
	cancel()
	p.end(0)
	if !strings.HasSuffix(p.text(), "\nUser> \nBye.\n") {
		t.Errorf("the end is\n%s", p.text())
	}
}

func TestFlags(t *testing.T) {
	o, err := parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	flagstest.Check(t, o.set, "../../docs/flags.md", "cmd/spuser")
}

func TestStatus(t *testing.T) {
	nobody := filepath.Join(t.TempDir(), "4803")
	for _, test := range []struct {
		args           []string
		status         int
		stdout, stderr string // how they begin and end
	}{
		{[]string{"-h"}, 0, "Usage: spuser ", ""},
		{[]string{"-V"}, 0, "spuser ", ""},
		{[]string{"-x"}, 2, "", "spuser: flag provided but not defined: -x; run spuser -h for help\n"},
		{[]string{"-u"}, 2, "", "spuser: flag needs an argument: -u; run spuser -h for help\n"},
		{[]string{"-s", nobody}, 1, "Spread library version is 5.0.1\nSP_error: (-2) Could not connect.\n\nBye.\n", "no such file or directory; is the daemon running?\n"},
		{[]string{"-s", "what?"}, 1, "Spread library version is 5.0.1\nSP_error: (-1) Illegal spread name.\n\nBye.\n", "want PORT, PORT@HOST, HOST:PORT or the absolute path of a UNIX socket\n"},
		{[]string{"-json", "-s", nobody}, 1, `{"event":"error",`, "is the daemon running?\n"},
	} {
		var stdout, stderr bytes.Buffer
		if status := run(t.Context(), test.args, strings.NewReader(""), &stdout, &stderr); status != test.status {
			t.Errorf("%q: status %d, want %d", test.args, status, test.status)
		}
		if !strings.HasPrefix(stdout.String(), test.stdout) || !strings.HasSuffix(stderr.String(), test.stderr) || (test.stderr == "") != (stderr.Len() == 0) {
			t.Errorf("%q prints %q and %q", test.args, stdout.String(), stderr.String())
		}
	}
}
