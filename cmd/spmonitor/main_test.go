package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/daemon/localring"
	"github.com/spreadd/spreadd/daemon/localring/localringtest"
	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/flags/flagstest"
	"github.com/spreadd/spreadd/internal/testkit"
)

// monitor is a spmonitor that runs.
type running struct {
	t        *testing.T
	keyboard *io.PipeWriter
	status   chan int

	output testkit.Output
}

func TestFlags(t *testing.T) {
	o, err := parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	flagstest.Check(t, o.set, "../../docs/flags.md", "cmd/spmonitor")
}

func start(ctx context.Context, t *testing.T, args ...string) *running {
	t.Helper()
	p := &running{t: t, status: make(chan int, 1)}
	stdin, keyboard := io.Pipe()
	p.keyboard = keyboard
	t.Cleanup(func() { _ = keyboard.Close() })
	go func() { p.status <- run(ctx, args, stdin, &p.output, &p.output) }()
	return p
}

// see waits until the output has all of these texts.
func (p *running) see(texts ...string) {
	p.t.Helper()
	for _, text := range texts {
		testkit.Wait(p.t, "it prints "+text, func() bool { return strings.Contains(p.output.String(), text) })
	}
}

// enter types lines.
func (p *running) enter(lines ...string) {
	p.t.Helper()
	for _, line := range lines {
		if _, err := io.WriteString(p.keyboard, line+"\n"); err != nil {
			p.t.Fatal(err)
		}
	}
}

func (p *running) end(want int) {
	p.t.Helper()
	select {
	case status := <-p.status:
		if status != want {
			p.t.Errorf("status %d, want %d, after\n%s", status, want, p.output.String())
		}
	case <-time.After(testkit.Patience):
		p.t.Fatalf("does not end after\n%s", p.output.String())
	}
}

// TestRing looks at a ring, sets its windows, cuts it in two and ends a daemon.
func TestRing(t *testing.T) {
	r := localringtest.New(t, "DangerousMonitor = true\n", "alpha", "beta")
	daemons := r.StartAll()
	p := start(t.Context(), t, "-c", r.File, "-n", "beta", "-p", "0", "-t", "1")
	p.enter("5", "200", "30", "", "6")
	p.enter("0", "all", "")
	p.see("Status at alpha V 5.00. 1 (state 1, gstate 1)", "Status at beta V 5.00. 1 (state 1, gstate 1)",
		"Membership  :  2  procs in 2 segments, leader is alpha, regular protocol",
		"Window     :     200", "P/A Window :      30/15", "P/A Window :      20/15")
	p.enter("1", "0", "1", "2")
	p.see("Monitor: send partition", "Membership  :  1  procs in 1 segments, leader is beta, regular protocol")
	p.enter("4")
	testkit.Wait(t, "the ring is whole again", func() bool {
		return !slices.ContainsFunc(daemons, func(d *localring.Daemon) bool { return len(d.Members()) != 2 })
	})
	p.enter("8", "alpha", "")
	p.see("Monitor: Terminating alpha")
	select {
	case <-daemons[0].Done:
	case <-time.After(testkit.Patience):
		t.Fatal("alpha does not end")
	}
	p.enter("9")
	p.end(flags.OK)
	if !strings.HasSuffix(p.output.String(), "Bye.\n") {
		t.Errorf("the end is\n%s", p.output.String())
	}
}

// TestJSON asks once, with a daemon that is not there.
func TestJSON(t *testing.T) {
	r := localringtest.New(t, "", "alpha", "beta")
	r.Start("alpha")
	ask := func(seconds string, status int) map[string]Record {
		t.Helper()
		p := start(t.Context(), t, "-c", r.File, "-p", "0", "-t", seconds, "-json", "-rounds", "1")
		p.end(status)
		got := make(map[string]Record)
		for line := range strings.Lines(p.output.String()) {
			var rec Record
			if !strings.HasPrefix(line, "{") {
				continue // for people
			}
			if err := json.Unmarshal([]byte(line), &rec); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			if time.Since(rec.Time).Abs() > time.Hour {
				t.Errorf("%q is not of now", line)
			}
			got[rec.Daemon] = rec
		}
		return got
	}
	got := ask("3", flags.Failed)
	if a := got["alpha"].Report; a == nil || a.Version != "5.0.1" || a.MembershipState != "OP" || a.GroupsState != "GOP" || a.Leader != "alpha" || a.Daemons != 1 || a.Window != 160 {
		t.Errorf("alpha: %+v, %+v", got["alpha"], a)
	}
	if b := got["beta"]; b.Error != "no answer" || b.Report != nil {
		t.Errorf("beta: %+v", b)
	}
	r.Start("beta")
	if got = ask("60", flags.OK); got["beta"].Report == nil || got["alpha"].Report == nil {
		t.Errorf("both run: %+v", got)
	}
}

// TestReload: what the file says afterwards counts.
func TestReload(t *testing.T) {
	r := localringtest.New(t, "", "alpha")
	p := start(t.Context(), t, "-c", r.File, "-p", "0")
	p.see("Monitor> ")
	text, err := os.ReadFile(r.File)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.File, bytes.Replace(text, []byte("\talpha"), []byte("\tomega"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	p.enter("r", "3")
	p.see("commands are reset by configuration reload!", "\tomega\t0")
	p.enter("q")
	p.end(flags.OK)
}

func TestSignal(t *testing.T) {
	r := localringtest.New(t, "", "alpha")
	ctx, interrupt := context.WithCancel(t.Context())
	p := start(ctx, t, "-c", r.File, "-p", "0")
	p.see("Monitor> ")
	interrupt()
	p.end(flags.OK)
}

func TestExitStatus(t *testing.T) {
	r := localringtest.New(t, "", "alpha")
	taken, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	_, port, err := net.SplitHostPort(taken.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	nowhere := filepath.Join(t.TempDir(), "spread.conf")
	for _, tt := range []struct {
		args           []string
		status         int
		stdout, stderr string
	}{
		{[]string{"-h"}, flags.OK, "Usage: spmonitor ", ""},
		{[]string{"-V"}, flags.OK, "spmonitor ", ""},
		{[]string{"-x"}, flags.Misuse, "", "not defined: -x; run spmonitor -h for help"},
		{[]string{"-c", nowhere}, flags.Failed, "", nowhere},
		{[]string{"-c", nowhere, "-json"}, flags.Failed, "", nowhere},
		{[]string{"-c", r.File, "-n", "nobody"}, flags.Failed, "", "nobody"},
		{[]string{"-c", r.File, "-p", port}, flags.Failed, "", "choose another port"},
		{[]string{"-c", r.File, "-p", "0"}, flags.OK, "Bye.\n", ""}, // the input has ended
	} {
		var stdout, stderr bytes.Buffer
		status := run(t.Context(), tt.args, strings.NewReader(""), &stdout, &stderr)
		if status != tt.status || !strings.Contains(stdout.String(), tt.stdout) || !strings.Contains(stderr.String(), tt.stderr) {
			t.Errorf("%q: status %d, %q and %q; want %d, %q and %q", tt.args, status, &stdout, &stderr, tt.status, tt.stdout, tt.stderr)
		}
	}
}
