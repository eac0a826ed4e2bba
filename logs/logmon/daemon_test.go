package logmon

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/daemon/localring"
	"github.com/spreadd/spreadd/daemon/localring/localringtest"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/logs/internal/traffic"
	"github.com/spreadd/spreadd/logs/logpub"
)

// TestRing watches a ring of real daemons, with a publisher at each, while the daemon that it is
// connected to goes away.
func TestRing(t *testing.T) {
	ring := localringtest.New(t, "", "web1", "web2")
	daemons := ring.StartAll()
	m := start(t, Config{Groups: []string{"g"}, Addresses: []string{daemons[0].Address(), daemons[1].Address()}})
	publish := func(d *localring.Daemon, name string, lines int) {
		t.Helper()
		p, err := logpub.New(logpub.Config{
			Address: d.Address(), Groups: []string{"g"}, Publisher: name,
			DrainTimeout: testkit.Patience, StatsInterval: -1,
		})
		if err != nil {
			t.Fatal(err)
		}
		var in strings.Builder
		for i := range lines {
			fmt.Fprintf(&in, "10.0.0.%d - - [t] \"GET /%d HTTP/1.1\" 200 10 \"-\" \"x\"\n", i%7, i%5)
		}
		if err := p.Run(t.Context(), io.NopCloser(strings.NewReader(in.String()))); err != nil {
			t.Fatal(err)
		}
	}
	seen := func(requests int64) func() bool {
		return func() bool { return m.View(traffic.Query{}).Total.Requests == requests }
	}
	publish(daemons[0], "one", 1000)
	publish(daemons[1], "two", 500)
	testkit.Wait(t, "all lines of both", seen(1500))
	v := m.View(traffic.Query{Pages: 9, ServerOrder: traffic.ByName})
	if len(v.Servers) != 2 || v.Servers[0].Name != "web1" || v.Servers[0].Requests != 1000 || v.Servers[1].Requests != 500 {
		t.Errorf("the servers are %+v", v.Servers)
	}
	if v.Missing != 0 || v.Repeated != 0 || v.OddLines != 0 || len(v.Pages) != 5 || v.Online != 7 {
		t.Errorf("%d missing, %d repeated, %d odd, %d pages, %d online", v.Missing, v.Repeated, v.OddLines, len(v.Pages), v.Online)
	}
	if err := daemons[0].Stop(); err != nil {
		t.Error(err)
	}
	testkit.Wait(t, "a session with the other daemon", func() bool {
		s := m.View(traffic.Query{}).State
		return s.Connected && s.Daemon == daemons[1].Address()
	})
	publish(daemons[1], "two", 300)
	testkit.Wait(t, "more lines", seen(1800))
	if s := m.View(traffic.Query{}).State; s.Connects != 2 || time.Since(s.Since) > testkit.Patience {
		t.Errorf("%+v", s)
	}
}
