package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/daemon/localring/localringtest"
	"github.com/spreadd/spreadd/daemon/status"
	"github.com/spreadd/spreadd/daemon/web/webtest"
	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/internal/testkit/golden"
	"github.com/spreadd/spreadd/spread"
)

// TestStatusTable: every kind of row, and what is wrong below the table.
func TestStatusTable(t *testing.T) {
	now := time.Date(2026, 11, 30, 3, 0, 0, 0, time.UTC)
	peers := func(names ...string) (list []status.Peer) {
		for _, n := range names {
			p := status.Peer{Name: n, State: status.Member, LastSeconds: new(0.1), LossRate: new(0.001)}
			if n == "log2" {
				p.State, p.Reason, p.SinceSeconds, p.LastSeconds = status.Missing, status.Silent, 190, new(190.0)
			}
			list = append(list, p)
		}
		return list
	}
	c := &status.Cluster{Time: now, Daemons: []status.Summary{
		{
			Name: "web1", Address: "10.0.0.1", Port: 4803, Answered: true, Extended: true, Operating: true, Ring: "web1:5", Leader: "web1", Members: 3, State: "OP",
			Since: new(now.Add(-3 * time.Minute)), Sessions: 12, Groups: 34, RoundSeconds: 0.00031, Version: "v0.2.0", Peers: peers("web2", "log1", "log2"),
		},
		{
			Name: "web2", Address: "10.0.0.2", Port: 4803, Answered: true, Extended: true, Operating: true, Ring: "web1:5", Leader: "web1", Members: 3, State: "OP",
			Since: new(now.Add(-3 * time.Minute)), Sessions: 9, Groups: 34, Version: "v0.2.0", Behind: 2, Peers: append(peers("web1", "log2"),
				status.Peer{Name: "log1", State: status.Member, LossRate: new(0.071)}),
		},
		{Name: "log1", Address: "10.0.0.3", Port: 4803, Answered: true, Operating: true, Leader: "web1", Members: 3, State: "OP", Protocol: "5.0.1", Sessions: 1, Groups: 34},
		{Name: "log2", Address: "10.0.0.4", Port: 4803},
		{Name: "log3", Address: "10.0.1.4", Port: 4804, Segment: 1, Answered: true, Extended: true, State: "GATHER", Version: "v0.2.0"},
	}}
	c.Verdict, c.Reasons = status.JudgeCluster(c)
	golden.File(t, "testdata/status.txt", statusTable(c))
}

// TestStatusCommand: the exit status is 2 while nobody answers, 1 while a daemon is missing, and 0 when
// all are there; JSON has the same. Asked over HTTP, the answer is the same too.
func TestStatusCommand(t *testing.T) {
	r := localringtest.New(t, "", "alpha", "beta")
	ask := func(want int, args ...string) (*status.Cluster, string) {
		t.Helper()
		var stdout, stderr bytes.Buffer
		if len(args) == 0 {
			args = []string{"-c", r.File, "-n", "alpha", "-timeout", "1s"}
		}
		got := run(t.Context(), append([]string{"status"}, args...), strings.NewReader(""), &stdout, &stderr)
		if got != want {
			t.Fatalf("status %d, want %d:\n%s%s", got, want, &stdout, &stderr)
		}
		var c status.Cluster
		if strings.HasPrefix(stdout.String(), "{") {
			if err := json.Unmarshal(stdout.Bytes(), &c); err != nil {
				t.Fatal(err)
			}
		}
		return &c, stdout.String() + stderr.String()
	}
	if _, text := ask(unreachable); !strings.Contains(text, "unreachable: no-answer") {
		t.Errorf("nobody runs:\n%s", text)
	}
	alpha := r.Start("alpha")
	c, _ := ask(flags.Failed, "-c", r.File, "-n", "alpha", "-timeout", "1s", "-json")
	if c.Verdict != status.Degraded || !c.Daemons[0].Operating || c.Daemons[1].Missing == "" || c.Daemons[1].Text == "" {
		t.Errorf("alpha alone: %+v", c)
	}
	r.Start("beta")
	testkit.Wait(t, "there is one ring", func() bool { return len(alpha.Members()) == 2 })
	testkit.Wait(t, "all is well", func() bool {
		var stdout, stderr bytes.Buffer
		return run(t.Context(), []string{"status", "-c", r.File, "-timeout", "30s"}, strings.NewReader(""), &stdout, &stderr) == flags.OK && strings.Contains(stdout.String(), "\nhealthy\n")
	})
	address := strings.TrimPrefix(webtest.Serve(t, alpha, nil), "http://")
	if c, _ := ask(flags.OK, "-s", address, "-json"); c.Verdict != status.Healthy || len(c.Daemons) != 2 || !c.Daemons[1].Extended {
		t.Errorf("over HTTP: %+v", c)
	}
	if _, text := ask(flags.OK, "-s", address, "-s", "127.0.0.1:1"); !strings.Contains(text, "cannot ask 127.0.0.1:1: ") || !strings.Contains(text, "healthy") {
		t.Errorf("one of two addresses answers:\n%s", text)
	}
	if _, text := ask(unreachable, "-s", "127.0.0.1:1"); !strings.Contains(text, "is a daemon running there with -http?") {
		t.Errorf("no address answers:\n%s", text)
	}
	if _, text := ask(flags.Misuse, "-s", "web1"); !strings.Contains(text, "want HOST:PORT or PORT") {
		t.Errorf("a wrong address:\n%s", text)
	}
}

// TestPagesCommands: sessions and groups in tables and as JSON.
func TestPagesCommands(t *testing.T) {
	d := localringtest.New(t, "", "alpha").Start("alpha")
	address := strings.TrimPrefix(webtest.Serve(t, d, nil), "http://")
	for _, name := range []string{"web", "log"} {
		c, err := spread.Dial(t.Context(), d.Address(), spread.WithName(name), spread.WithMembership(true))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		for _, g := range []string{"site", "only" + name} {
			if err := c.Join(t.Context(), g); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Receive(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, tt := range []struct {
		args   string
		status int
		want   []string
		lines  int
	}{
		{"groups", flags.OK, []string{"GROUP", "onlylog  1        1", "onlyweb", "site     2        2", "#log#alpha #web#alpha"}, 4},
		{"groups -group only*", flags.OK, []string{"onlylog", "onlyweb"}, 3},
		{"groups -limit 2", flags.OK, []string{"onlylog", "onlyweb"}, 3},
		{"groups -session #web#alpha -json", flags.OK, []string{`{"name":"onlyweb",`, `{"name":"site",`}, 2},
		{"sessions", flags.OK, []string{"SESSION", "  RECEIVED  NOTE\n", "#log#alpha  127.0.0.1:", "#web#alpha"}, 3},
		{"sessions -group onlyweb", flags.OK, []string{"#web#alpha"}, 2},
		{"sessions -json", flags.OK, []string{`{"name":"#log#alpha",`}, 2},
		{"sessions -s 127.0.0.1:1", flags.Misuse, []string{"want one daemon, got 2"}, 1},
		{"sessions -limit 0", flags.Misuse, []string{"want a number from 1"}, 1},
		{"groups -h", flags.OK, []string{"Usage: spmonitor groups"}, 0},
	} {
		var out bytes.Buffer
		args := append(strings.Fields(tt.args), "-s", address)
		if got := run(t.Context(), args, strings.NewReader(""), &out, &out); got != tt.status {
			t.Errorf("%s: status %d, want %d", tt.args, got, tt.status)
		}
		for _, w := range tt.want {
			if !strings.Contains(out.String(), w) {
				t.Errorf("%s: no %q in\n%s", tt.args, w, &out)
			}
		}
		if n := strings.Count(out.String(), "\n"); tt.lines > 0 && n != tt.lines {
			t.Errorf("%s: %d lines, want %d:\n%s", tt.args, n, tt.lines, &out)
		}
	}
}
