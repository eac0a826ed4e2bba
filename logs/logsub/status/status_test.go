package status_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/spreadd/spreadd/internal/prom"
	"github.com/spreadd/spreadd/internal/prom/promtest"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/logs/logsub"
	"github.com/spreadd/spreadd/logs/logsub/metrics"
	"github.com/spreadd/spreadd/logs/logsub/status"
	"github.com/spreadd/spreadd/spread"
	"github.com/spreadd/spreadd/spread/spreadtest"
)

// TestStatus: a log host with two logs, one of which gets lines; then its daemon goes away.
func TestStatus(t *testing.T) {
	d := spreadtest.New("alpha")
	t.Cleanup(d.Close)
	dir := t.TempDir()
	s, err := logsub.New(logsub.Config{
		StatsInterval: -1, Host: "log1", Heal: logsub.Heal{Listen: "127.0.0.1:0"},
		Dial: func(ctx context.Context, address, name string) (spread.Connection, error) {
			return spread.Dial(ctx, address, spread.WithName(name), spread.WithMembership(true), spread.WithDialer(d.Dial))
		},
		Connections: []logsub.Connection{{Address: "4803", Logs: []logsub.Log{
			{Group: "a", File: filepath.Join(dir, "a.log"), Envelope: logsub.EnvelopeIndex},
			{Group: "b", File: filepath.Join(dir, "b.log")},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	cfg := prom.Config{Program: "logsub", Collector: metrics.New(s.Stats), Log: slog.New(slog.DiscardHandler)}
	status.Serve(&cfg, s.Stats)
	url := promtest.ServeConfig(t, &cfg)
	<-s.Ready()
	pub, err := spread.Dial(t.Context(), "4803", spread.WithDialer(d.Dial))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pub.Kill)
	if err := pub.Multicast(t.Context(), spread.Agreed, 0, []byte("one\n"), "a"); err != nil {
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
	wait("a line", func() bool { return len(st.Sinks) == 1 && st.Sinks[0].Lines == 1 })
	if x := st.Daemons; !st.Connected || len(x) != 1 || !x[0].Connected || x[0].Groups != 2 || x[0].Joined != 2 || x[0].Session == "" || x[0].LastSeconds == nil {
		t.Errorf("connected %v, daemons %+v", st.Connected, x)
	}
	if st.Host != "log1" || st.Version == "" || st.Late || st.Messages < 1 || st.Sinks[0].OpenFiles != 2 {
		t.Errorf("%+v", st)
	}
	if h := st.Healing; h == nil || len(h.Peers) != 0 || len(h.Failures) != 0 {
		t.Errorf("healing %+v", h)
	}
	if l := st.Logs; l.Total != 2 || l.List[0].Group != "a" || l.List[0].Lines != 1 || l.List[1].Lines != 0 {
		t.Errorf("logs %+v", l)
	}
	if f := promtest.JSON[status.Files](t, url+"/status/files?name="+filepath.Join(dir, "a*")); f.Total != 1 || f.List[0].Lines != 1 {
		t.Errorf("files %+v", f)
	}
	d.SetDown(true)
	wait("the end of the connection", func() bool { return !st.Connected && !st.Daemons[0].Connected })
}
