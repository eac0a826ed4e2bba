package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/flags/flagstest"
	"github.com/spreadd/spreadd/internal/freeport"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/logs/internal/logproto"
	"github.com/spreadd/spreadd/spread"
	"github.com/spreadd/spreadd/spread/spreadtest"
)

// patience is for how long a test waits for what should come at once.
const patience = testkit.Patience

func TestCommandLine(t *testing.T) {
	for _, tt := range []struct {
		args   string
		status int
		stdout string
		stderr string
	}{
		{"-h", flags.OK, "-service", ""},
		{"-V", flags.OK, "logpub ", ""},
		{"-version", flags.OK, "logpub ", ""},
		{"", flags.Misuse, "", "no group: add -g GROUP"},
		{"-nonsense", flags.Misuse, "", "not defined: -nonsense"},
		{"-g g stray", flags.Misuse, "", `unexpected argument "stray"`},
		{"-g a#b", flags.Misuse, "", `group name "a#b"`},
		{"-g g -s no:such:address", flags.Misuse, "", "illegal daemon address"},
		{"-g g -u toolongname", flags.Misuse, "", `private name "toolongname"`},
		{"-g g -service best", flags.Misuse, "", `"best"`},
		{"-g g -type 32768", flags.Misuse, "", "want a number from -32768 to 32767"},
		{"-g g -queue -1", flags.Misuse, "", `"-1" is not a size`},
		{"-g g -max-line 1", flags.Misuse, "", "longest line of 1 bytes"},
		{"-g g -spool-bytes 5", flags.Misuse, "", "spool of 5 bytes is too small (want at least 1048576)"},
		{"-g g -vhost-field 0", flags.Misuse, "", "want a number from 1"},
		{"-g g -vhost-word eat", flags.Misuse, "", `unknown vhost-word "eat" (want auto, none, keep, clean or strip)`},
		{"-g g -vhost #a\x7f", flags.Misuse, "", `virtual host "#a\x7f"`},
		{"-g g -publisher a\u00fc", flags.Misuse, "", "publisher "},
		{"-g g -s 4803 -s no:such:address", flags.Misuse, "", "illegal daemon address"},
		{"-g g -metrics 9804x", flags.Misuse, "", `"9804x" is not an address with a port`},
		{"-g g -full maybe", flags.Misuse, "", `unknown policy "maybe" (want drop-newest, drop-oldest or block)`},
		{"-g g -block soon", flags.Misuse, "", `"soon"`},
		{"-g g -delivery never", flags.Misuse, "", `unknown delivery "never" (want sent, ordered or written)`},
	} {
		var stdout, stderr testkit.Output
		status := run(t.Context(), strings.Fields(tt.args), strings.NewReader("line\n"), &stdout, &stderr)
		if status != tt.status || !strings.Contains(stdout.String(), tt.stdout) || !strings.Contains(stderr.String(), tt.stderr) {
			t.Errorf("logpub %s: status %d, printed %q and %q; want %d, %q and %q",
				tt.args, status, &stdout, &stderr, tt.status, tt.stdout, tt.stderr)
		}
		if tt.status == flags.Misuse {
			// Apache's error log gets one line, each time.
			if n := strings.Count(stderr.String(), "\n"); n != 1 || strings.Count(stderr.String(), "logpub: ") != 1 {
				t.Errorf("logpub %s: %d lines of complaint: %q", tt.args, n, &stderr)
			}
		}
	}
}

func TestFlags(t *testing.T) {
	o, err := parse([]string{"-g", "a"})
	if err != nil {
		t.Fatal(err)
	}
	flagstest.Check(t, o.set, "../../../docs/flags.md", "logs/logpub/cli")
}

// TestUsagePause: a web server that starts us on a pipe again and again is slowed
// down.
func TestUsagePause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.Close() }()
		defer func() { _ = w.Close() }()
		began := time.Now()
		if status := run(t.Context(), nil, r, io.Discard, io.Discard); status != flags.Misuse {
			t.Errorf("status %d", status)
		}
		if took := time.Since(began); took != usagePause {
			t.Errorf("it ended after %v", took)
		}
	})
}

// serveDaemon runs a daemon, which stands in memory behind a port of 127.0.0.1.
func serveDaemon(t *testing.T) (d *spreadtest.Daemon, address string) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d = spreadtest.New("alpha")
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = d.Serve(l) // until it is closed
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
		d.Close()
	})
	return d, fmt.Sprintf("%d@127.0.0.1", l.Addr().(*net.TCPAddr).Port)
}

// subscribe joins groups.
func subscribe(t *testing.T, d *spreadtest.Daemon, groups ...string) *spread.Conn {
	t.Helper()
	c, err := spread.Dial(t.Context(), "4803", spread.WithDialer(d.Dial), spread.WithMembership(true))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Kill)
	for _, g := range groups {
		if err := c.Join(t.Context(), g); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Receive(t.Context()); err != nil { // our own view
			t.Fatal(err)
		}
	}
	return c
}

// next returns the next message of lines.
func next(t *testing.T, c *spread.Conn) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ev, err := c.Receive(ctx)
	if err != nil {
		t.Fatal(err)
	}
	m, ok := ev.(*spread.Message)
	if !ok {
		t.Fatalf("received %#v", ev)
	}
	if _, _, err := logproto.Split(m.Payload); err == nil {
		return next(t, c) // the publisher asks log hosts what they have
	}
	var h envelope.Header
	lines, err := h.Decode(m.Payload)
	if errors.Is(err, envelope.ErrNone) {
		return fmt.Sprintf("%v %d %s %v %q", m.Service, m.Type, m.Sender, m.Groups, lines)
	}
	return fmt.Sprintf("%v %d %s %v %s %d: %q", m.Service, m.Type, m.Sender, m.Groups, h.Publisher, h.Seq, lines)
}

func TestPublish(t *testing.T) {
	d, address := serveDaemon(t)
	sub := subscribe(t, d, "a", "b")
	for _, tt := range []struct{ args, want string }{
		{"-g a -u web -publisher web1", `AGREED 1 #web#alpha [a] web1 0: "a line\n"`},
		{"-g a -u web -publisher web1 -envelope -confirm -service reliable", `RELIABLE 1 #web#alpha [a] web1 0: "a line\n"`},
		{"-g a -u web -plain", `RELIABLE 1 #web#alpha [a] "a line\n"`},
		{"-g a -g b -u web -service agreed -type -7 -envelope=false", `AGREED -7 #web#alpha [a b] "a line\n"`},
		{"-g b -u web -plain -delivery ordered -vhost-field 1", `RELIABLE 1 #web#alpha [a] "a line\n"`},
		{"-g b -u web -plain -vhost WWW.A.example:80 -vhost-word clean", `RELIABLE 1 #web#alpha [b] "www.a.example a line\n"`},
		{"-g b -u web -plain -vhost-field 1 -vhost-word strip", `RELIABLE 1 #web#alpha [a] "line\n"`},
		{"-g b -u web -plain -service SAFE -type 0 -max-line 4 -v", `SAFE 0 #web#alpha [b] "a l\n"`},
	} {
		var stdout, stderr testkit.Output
		args := append(strings.Fields(tt.args), "-s", address)
		if status := run(t.Context(), args, strings.NewReader("a line"), &stdout, &stderr); status != flags.OK {
			t.Errorf("logpub %s: status %d: %s", tt.args, status, &stderr)
		}
		if got := next(t, sub); got != tt.want {
			t.Errorf("logpub %s: received %s, want %s", tt.args, got, tt.want)
		}
		// The next one wants the same name.
		testkit.Wait(t, "the end of the session", func() bool { return len(d.Sessions()) == 1 })
		for _, want := range []string{"msg=connected daemon=" + address + " session=#web#alpha", "msg=stopped took=1 sent=1 dropped=0"} {
			if !strings.Contains(stderr.String(), want) {
				t.Errorf("logpub %s: the log lacks %q: %s", tt.args, want, &stderr)
			}
		}
		if stdout.String() != "" {
			t.Errorf("logpub %s: printed %q", tt.args, &stdout)
		}
	}
}

// TestNoDaemon: lines that cannot be sent are counted and give a status.
func TestNoDaemon(t *testing.T) {
	d, address := serveDaemon(t)
	d.SetDown(true)
	var stderr testkit.Output
	args := []string{"-g", "g", "-s", address, "-drain", "10ms"}
	if status := run(t.Context(), args, strings.NewReader("a\nb\n"), io.Discard, &stderr); status != flags.Failed {
		t.Errorf("status %d", status)
	}
	for _, want := range []string{"took=2 sent=0 dropped=2", "logpub: lines were not sent: 2 left after 10ms; is the daemon at"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("it does not say %q: %s", want, &stderr)
		}
	}
}

// TestMetrics: the command line serves metrics until the program ends, and a program that follows
// another one before that has ended publishes without, until it gets the address.
func TestMetrics(t *testing.T) {
	d, address := serveDaemon(t)
	sub := subscribe(t, d, "g")
	var lc net.ListenConfig
	before, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r, w := io.Pipe()
	var stderr testkit.Output
	ended := make(chan int, 1)
	go func() {
		ended <- run(t.Context(), []string{"-g", "g", "-s", address, "-metrics", before.Addr().String()}, r, io.Discard, &stderr)
	}()
	if _, err := io.WriteString(w, "a line\n"); err != nil {
		t.Fatal(err)
	}
	next(t, sub)
	stderr.Wait(t, "cannot serve metrics; will keep retrying")
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	stderr.Wait(t, "serving metrics")
	waitForMetrics(t, &stderr, map[string]float64{
		"logpub_sent_lines_total":                         1,
		`logpub_input_lines_total{input="stdin"}`:         1,
		`logpub_connected{daemon="` + address + `"}`:      1,
		`logpub_dropped_lines_total{reason="queue_full"}`: 0,
		`logpub_group_lines_total{group="g"}`:             1,
		`logpub_lag_seconds`:                              0,
		`logpub_queue_limit_bytes`:                        16 << 20,
	})
	_ = w.Close()
	if status := <-ended; status != flags.OK {
		t.Errorf("status %d: %s", status, &stderr)
	}
	if l, err := lc.Listen(t.Context(), "tcp", before.Addr().String()); err != nil {
		t.Errorf("the address is not free after the end: %v", err)
	} else {
		_ = l.Close()
	}
}

// TestSpool: lines for a daemon that is away are kept, and sent by the next start.
func TestSpool(t *testing.T) {
	d, address := serveDaemon(t)
	sub := subscribe(t, d, "g")
	nowhere, err := freeport.Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	away := fmt.Sprintf("%d@127.0.0.1", nowhere)
	dir := t.TempDir()
	var stderr testkit.Output
	if status := run(t.Context(), []string{"-g", "g", "-s", away, "-spool", dir, "-drain", "10ms"}, strings.NewReader("kept\n"), io.Discard, &stderr); status != flags.OK {
		t.Errorf("status %d: %s", status, &stderr)
	}
	if status := run(t.Context(), []string{"-g", "g", "-s", address, "-u", "web", "-spool", dir}, strings.NewReader("new\n"), io.Discard, &stderr); status != flags.OK {
		t.Errorf("status %d: %s", status, &stderr)
	}
	for _, want := range []string{"kept", "new"} {
		if got := next(t, sub); !strings.Contains(got, want) {
			t.Errorf("received %s, want %s; the log says %s", got, want, &stderr)
		}
	}
}
