package main

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/cmd/spbench/bench"
	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/flags/flagstest"
	"github.com/spreadd/spreadd/spread"
	"github.com/spreadd/spreadd/spread/spreadtest"
)

func TestCommandLine(t *testing.T) {
	for _, tt := range []struct {
		args   string
		status int
		stdout string
		stderr string
	}{
		{"-h", flags.OK, "-publishers", ""},
		{"-V", flags.OK, "spbench ", ""},
		{"-s 4803 -s no:such:address", flags.Misuse, "", "illegal daemon address"},
		{"", flags.Misuse, "", "-s ADDRESS, or -c FILE"},
		{"-daemons 4803 -c spread.conf", flags.Misuse, "", "not both"},
		{"-daemons 4803 stray", flags.Misuse, "", `unexpected argument "stray"`},
		{"-daemons no:such:address", flags.Misuse, "", "illegal daemon address"},
		{"-daemons 4803 -service best", flags.Misuse, "", `"best"`},
		{"-daemons 4803 -pids 1,x", flags.Misuse, "", `"x" is not a process id`},
		{"-daemons 4803,4804 -pids 1 -enter", flags.Misuse, "", "each of the 2 daemons: there are 1"},
		{"-c /no/such/file", flags.Misuse, "", "/no/such/file"},
		{"-daemons 4803 -size 3", flags.Failed, "", "a size of 3 bytes"},
		{"-daemons /no/such/socket", flags.Failed, "", "could not connect"},
	} {
		t.Run(tt.args, func(t *testing.T) {
			var stdout, stderr strings.Builder
			status := run(t.Context(), strings.Fields(tt.args), &stdout, &stderr)
			if status != tt.status || !strings.Contains(stdout.String(), tt.stdout) || !strings.Contains(stderr.String(), tt.stderr) {
				t.Errorf("status %d, printed %q and %q", status, stdout.String(), stderr.String())
			}
		})
	}
}

func TestFlags(t *testing.T) {
	o, err := parse(t.Context(), []string{"-s", "4803"})
	if err != nil {
		t.Fatal(err)
	}
	flagstest.Check(t, o.set, "../../docs/flags.md", "cmd/spbench")
}

func TestOptions(t *testing.T) {
	o, err := parse(t.Context(), strings.Fields("-daemons 4803@a,4803@b -publishers 0 -receivers 3 -size 1350 -service safe -rate 50 -for 2s -warmup 0 -pids 7,8 -window 9 -json"))
	if err != nil {
		t.Fatal(err)
	}
	c := o.cfg
	if !o.json || !slices.Equal(c.Daemons, []string{"4803@a", "4803@b"}) || !slices.Equal(c.Processes, []int{7, 8}) ||
		c.Publishers >= 0 || c.Receivers != 3 || c.Size != 1350 || c.Service != spread.Safe || c.Rate != 50 ||
		c.For != 2*time.Second || c.Warmup >= 0 || c.Window != 9 {
		t.Errorf("%+v", o)
	}
}

// The daemons of a file, each at an address that clients can reach.
func TestConf(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spread.conf")
	err := os.WriteFile(path, []byte(`
		Spread_Segment 239.1.2.3:4900 { a 10.0.0.1  b 10.0.0.2 { D 10.0.0.2 C 0.0.0.0 C 10.9.0.2 } }
		Spread_Segment 10.0.1.255 { c 10.0.1.1 { D 10.0.1.1 C 0.0.0.0 } }
	`), 0o644)
	if err != nil {
		t.Fatal(err)
	}
	o, err := parse(t.Context(), []string{"-c", path})
	if want := []string{"10.0.0.1:4900", "10.9.0.2:4900", "10.0.1.1:4803"}; err != nil || !slices.Equal(o.cfg.Daemons, want) {
		t.Errorf("daemons %q, %v, want %q", o.cfg.Daemons, err, want)
	}
}

// A run with a daemon that is there.
func TestRun(t *testing.T) {
	d := spreadtest.New("test")
	t.Cleanup(d.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() { _ = d.Serve(l) }() // ends with the listener
	args := []string{"-daemons", l.Addr().String(), "-for", "50ms", "-warmup", "0"}
	var stdout, stderr strings.Builder
	if status := run(t.Context(), args, &stdout, &stderr); status != flags.OK || !strings.Contains(stdout.String(), "mean") {
		t.Errorf("status %d, printed:\n%s\n%s", status, stdout.String(), stderr.String())
	}
	stdout.Reset()
	if status := run(t.Context(), append(args, "-json"), &stdout, &stderr); status != flags.OK {
		t.Fatalf("status %d: %s", status, stderr.String())
	}
	var res bench.Result
	if err := json.Unmarshal([]byte(stdout.String()), &res); err != nil || res.Delivered == 0 || len(res.Receivers) != 1 || res.Orders != 1 {
		t.Errorf("%v, %+v", err, res)
	}
}
