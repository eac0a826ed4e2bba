package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/flags/flagstest"
	"github.com/spreadd/spreadd/internal/freeport"
	"github.com/spreadd/spreadd/internal/spreadconf"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/spread"
)

func runArgs(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, err testkit.Output
	p := program{stdout: &out, stderr: &err, env: spreadconf.SystemEnvironment()}
	status = p.run(t.Context(), args)
	return status, out.String(), err.String()
}

func TestCommandLine(t *testing.T) {
	t.Chdir(t.TempDir())
	bad := filepath.Join(t.TempDir(), "bad.conf")
	if err := os.WriteFile(bad, []byte("Spread_Segment 127.0.0.255:4803 {\n\talpha 127.0.0.1\n}\nWindow=50\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	late := filepath.Join(t.TempDir(), "late.conf")
	if err := os.WriteFile(late, []byte("Spread_Segment 127.0.0.255:4803 {\n\talpha 127.0.0.1\n}\nEventLogFile = /nowhere/spread.log\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args   string
		status int
		stdout string
		stderr string
	}{
		{"-h", flags.OK, "Usage: spreadd", ""},
		{"-version", flags.OK, "speaks Spread 5.0.1", ""},
		{"-V", flags.OK, "speaks Spread 5.0.1", ""},
		{"-nonsense", flags.Misuse, "", "not defined: -nonsense"},
		{"stray", flags.Misuse, "", `unexpected argument "stray"`},
		{"-l z", flags.Misuse, "", "want y or n"},
		{"-l y -n nobody", flags.Failed, "", "nobody"}, // images of containers start it so
		{"-l y -check", flags.OK, "this is the built-in configuration", ""},
		{"-max-sessions 0", flags.Misuse, "", "want a number from 1 to"},
		{"-check", flags.OK, "this is the built-in configuration", ""},
		{"-c /nowhere/spread.conf", flags.Failed, "", "/nowhere/spread.conf"},
		{"-check -c /nowhere/spread.conf", flags.Failed, "", "/nowhere/spread.conf"},
		{"-check -v", flags.OK, "options with their defaults", ""},
		{"-check -mixed", flags.OK, "in C daemons that have reloaded it", ""},
		{"-check -c " + late, flags.OK, "configuration  " + late, "warning: EventLogFile: stat /nowhere: no such file or directory"},
		{"-check -c " + bad, flags.Failed, "", bad + ":4:1: "},
		{"-c " + bad, flags.Failed, "", "Window = 50"},
		{"-n nobody", flags.Failed, "", "nobody"},
	} {
		status, stdout, stderr := runArgs(t, strings.Fields(tt.args)...)
		if status != tt.status || !strings.Contains(stdout, tt.stdout) || !strings.Contains(stderr, tt.stderr) {
			t.Errorf("spreadd %s: status %d, printed %q and %q; want %d, %q and %q",
				tt.args, status, stdout, stderr, tt.status, tt.stdout, tt.stderr)
		}
		if tt.status != flags.OK && stdout != "" {
			t.Errorf("spreadd %s: an error goes to standard output: %q", tt.args, stdout)
		}
	}
}

// TestCheckIsShort: defaults and what matters to C daemons are printed only if somebody asks.
func TestCheckIsShort(t *testing.T) {
	t.Chdir(t.TempDir())
	_, stdout, _ := runArgs(t, "-check")
	for _, not := range []string{"options with their defaults", "accelerated", "C daemons"} {
		if strings.Contains(stdout, not) {
			t.Errorf("%q in\n%s", not, stdout)
		}
	}
}

func TestFlags(t *testing.T) {
	o, err := parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	flagstest.Check(t, o.set, "../../docs/flags.md", "cmd/spreadd")
}

// TestNoFile: without a file anywhere there is a daemon localhost on
// 127.0.0.1:4803.
func TestNoFile(t *testing.T) {
	t.Chdir(t.TempDir())
	if _, err := os.Stat("/etc/spread.conf"); err == nil {
		t.Skip("this host has an /etc/spread.conf")
	}
	p := program{env: spreadconf.SystemEnvironment()}
	o, err := parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	c, self, found, err := p.load(t.Context(), &o)
	if err != nil || found || c.File != "" {
		t.Fatalf("found %v in %q (%v), want the built-in configuration", found, c.File, err)
	}
	if self.Daemon.Name != "localhost" || self.Daemon.Addr.String() != "127.0.0.1" || self.Segment.Port != 4803 {
		t.Errorf("daemon %s on %v, port %d", self.Daemon.Name, self.Daemon.Addr, self.Segment.Port)
	}
}

// TestServe: a configured daemon logs to its file, serves clients over both
// kinds of socket, reopens the file on request and stops in order.
func TestServe(t *testing.T) {
	dir := t.TempDir()
	port, err := freeport.Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	logFile := filepath.Join(dir, "spread.log")
	conf := filepath.Join(dir, "spread.conf")
	text := fmt.Sprintf(`EventLogFile = %s
EventTimeStamp = "[%%H:%%M:%%S]"
DaemonUser = nosuchuserhere
DaemonGroup = nosuchgrouphere
Spread_Segment 127.0.0.255:%d {
	here 127.0.0.1 { 127.0.0.1 }
	there 127.0.0.2
}
`, logFile, port)
	if os.Geteuid() == 0 {
		// Root would have to become somebody.
		text = strings.NewReplacer("nosuchuserhere", "root", "nosuchgrouphere", "root").Replace(text)
	}
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	hup := make(chan os.Signal)
	started := make(chan *daemon.Daemon, 1)
	var stdout, stderr testkit.Output
	p := program{
		stdout: &stdout, stderr: &stderr, hup: hup, env: spreadconf.SystemEnvironment(),
		started: func(d *daemon.Daemon) { started <- d },
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	status := make(chan int, 1)
	go func() { status <- p.run(ctx, []string{"-n", "here", "-c", conf, "-l", "y", "-socket-dir", dir}) }()
	select {
	case <-started:
	case s := <-status:
		t.Fatalf("spreadd ends with status %d: %s", s, &stderr)
	case <-time.After(testkit.Patience):
		t.Fatal("spreadd does not start")
	}
	for _, addr := range []string{fmt.Sprintf("%d@127.0.0.1", port), fmt.Sprint(port)} {
		c, err := spread.Dial(ctx, addr, spread.WithName("bob"), spread.WithSocketDir(dir), spread.WithMembership(true))
		if err != nil {
			t.Fatalf("%s: %v", addr, err)
		}
		if g := c.PrivateGroup(); g != "#bob#here" {
			t.Errorf("%s: private group %s", addr, g)
		}
		if err := c.Join(ctx, "grp"); err != nil {
			t.Error(err)
		}
		if ev, err := c.Receive(ctx); err != nil || ev.(*spread.Membership).Cause != spread.CauseJoin {
			t.Errorf("%s: %v (%v)", addr, ev, err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	if b, err := os.ReadFile(logFile); err != nil || !strings.Contains(string(b), "-l y is ignored") {
		t.Errorf("the log does not warn of -l y: %v\n%s", err, b)
	}
	if err := os.Rename(logFile, logFile+".1"); err != nil {
		t.Fatal(err)
	}
	hup <- syscall.SIGHUP
	limit := time.After(testkit.Patience)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for reopened := false; !reopened; {
		select {
		case <-tick.C:
			_, err := os.Stat(logFile)
			reopened = err == nil
		case <-limit:
			t.Fatal("the log file is not opened anew")
		}
	}
	stop()
	if s := <-status; s != flags.OK {
		t.Errorf("status %d: %s", s, &stderr)
	}
	for file, want := range map[string][]string{
		logFile + ".1": {"] INFO configuration read", "name=here", "daemons=2", "serving clients", "ring formed"},
		logFile:        {"] INFO stopped sessions=2"},
	} {
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(string(got), w) {
				t.Errorf("%s lacks %q:\n%s", file, w, got)
			}
		}
	}
	if stdout.String() != "" {
		t.Errorf("printed %q though there is a log file", &stdout)
	}
}
