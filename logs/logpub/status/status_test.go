package status_test

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/spreadd/spreadd/internal/prom"
	"github.com/spreadd/spreadd/internal/prom/promtest"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/logs/internal/input/tail"
	"github.com/spreadd/spreadd/logs/logpub"
	"github.com/spreadd/spreadd/logs/logpub/metrics"
	"github.com/spreadd/spreadd/logs/logpub/status"
	"github.com/spreadd/spreadd/spread"
	"github.com/spreadd/spreadd/spread/spreadtest"
)

// TestStatus: a publisher with a pipe, a file that grows, one that is missing and one that is a
// directory. Then its daemon goes away, and lines wait.
func TestStatus(t *testing.T) {
	daemon := spreadtest.New("alpha")
	t.Cleanup(daemon.Close)
	dir := t.TempDir()
	p, err := logpub.New(logpub.Config{
		Groups: []string{"g"}, Publisher: "web1", Delivery: logpub.Ordered, Spool: filepath.Join(dir, "spool"), SpoolAfter: -1, DrainTimeout: -1,
		Dial: func(ctx context.Context, address, name string) (spread.Connection, error) {
			return spread.Dial(ctx, address, spread.WithName(name), spread.WithDialer(daemon.Dial))
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	pipe, stdin := io.Pipe()
	inputs := []logpub.Input{{Source: logpub.NewStream(pipe), Name: "stdin"}}
	if err := os.Mkdir(filepath.Join(dir, "b-dir"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a-log", "b-dir", "c-none"} {
		f, err := logpub.NewFile(tail.Config{Path: filepath.Join(dir, name), State: dir, FromStart: true}, nil)
		if err != nil {
			t.Fatal(err)
		}
		inputs = append(inputs, logpub.Input{Source: f, Groups: []string{"files", "all"}, Name: name})
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.RunInputs(ctx, inputs...) }()
	t.Cleanup(func() {
		stop()
		_ = stdin.Close()
		<-ended
	})
	var source metrics.Source
	source.Use(p.Stats)
	cfg := prom.Config{Program: "logpub", Collector: metrics.New(&source), Log: slog.New(slog.DiscardHandler)}
	status.Serve(&cfg, &source)
	url := promtest.ServeConfig(t, &cfg)

	write(t, stdin, "from a pipe\n")
	if err := os.WriteFile(filepath.Join(dir, "a-log"), []byte("from a file\nhalf"), 0o600); err != nil {
		t.Fatal(err)
	}
	var st status.Status
	wait := func(what string, met func() bool) {
		t.Helper()
		testkit.Wait(t, what, func() bool {
			st = promtest.JSON[status.Status](t, url+"/status")
			return met()
		})
	}
	wait("two lines", func() bool {
		return st.Lines.Sent == 2 && st.Inputs.Total == 4 && st.Inputs.List[2].State == status.Missing
	})
	if !st.Connected || len(st.Daemons) != 1 || !st.Daemons[0].Connected || st.Daemons[0].Session == "" || st.Daemons[0].Address != "4803" || st.Daemons[0].Connects != 1 {
		t.Errorf("daemons %+v", st.Daemons)
	}
	if st.Publisher != "web1" || st.Delivery != "ordered" || st.Version == "" || st.Started.IsZero() || st.Configured.IsZero() || st.Late {
		t.Errorf("%+v", st)
	}
	if g := st.Groups; len(g) != 2 || g[0].Name != "g" || g[0].Sent != 1 || g[0].Received != 1 || g[1].Name != "files all" || g[1].Sent != 1 || g[1].Waiting != 0 {
		t.Errorf("groups %+v", g)
	}
	if st.Spool == nil || st.Spool.Failing || st.Spool.Max != logpub.DefaultSpoolBytes {
		t.Errorf("spool %+v", st.Spool)
	}
	in := st.Inputs.List
	for i, want := range []status.State{status.Reading, status.Unreadable, status.Missing, status.Reading} {
		if in[i].State != want || (want == status.Unreadable) != (in[i].Error != "") {
			t.Errorf("input %+v is not %s", in[i], want)
		}
	}
	if f := in[0].File; f == nil || f.Path != filepath.Join(dir, "a-log") || f.Position != 12 || f.Behind != 4 || in[0].Lines != 1 {
		t.Errorf("file %+v of %+v", f, in[0])
	}

	daemon.SetDown(true)
	wait("the end of the connection", func() bool { return !st.Connected })
	write(t, stdin, "one\ntwo\n")
	wait("lines that wait", func() bool { return st.Lines.Waiting == 2 && st.Spool.Lines == 2 })
	if st.Groups[0].Waiting != 2 || st.Groups[0].OldestSeconds <= 0 || st.Lines.OldestSeconds <= 0 || st.Groups[0].Sent != 1 {
		t.Errorf("groups %+v, lines %+v", st.Groups, st.Lines)
	}
	page := promtest.JSON[status.Inputs](t, url+"/status/inputs?name=b*")
	if page.Total != 1 || page.List[0].Name != "b-dir" {
		t.Errorf("page %+v", page)
	}
}

func write(t *testing.T, w io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
}
