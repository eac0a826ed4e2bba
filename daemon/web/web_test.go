package web_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/daemon/localring"
	"github.com/spreadd/spreadd/daemon/localring/localringtest"
	"github.com/spreadd/spreadd/daemon/status"
	"github.com/spreadd/spreadd/daemon/web"
	"github.com/spreadd/spreadd/daemon/web/webtest"
	"github.com/spreadd/spreadd/internal/prom/promtest"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/spread"
)

func dial(t *testing.T, d *localring.Daemon, name string, groups ...string) *spread.Conn {
	t.Helper()
	c, err := spread.Dial(t.Context(), d.Address(), spread.WithName(name), spread.WithMembership(true))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	for _, g := range groups {
		if err := c.Join(t.Context(), g); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// TestStatus: one daemon of three is missing, and says never heard; one that stops becomes missing
// with the time and a reason, and comes back.
func TestStatus(t *testing.T) {
	r := localringtest.New(t, "", "alpha", "beta", "gamma")
	alpha := r.Start("alpha")
	beta := r.Start("beta")
	if err := r.Await(t.Context()); err != nil {
		t.Fatal(err)
	}
	url := webtest.Serve(t, alpha, nil)
	dial(t, alpha, "web", "site", "other")
	dial(t, beta, "log", "site")
	st := promtest.JSON[status.Status](t, url+"/status")
	if st.Daemon != "alpha" || st.Protocol != "5.0.1" || !st.Ring.Operating || st.Ring.State != "OP" || st.Ring.Leader != "alpha" ||
		!slices.Equal(st.Ring.Members, []string{"alpha", "beta"}) || st.Ring.Since == nil || !strings.Contains(st.Ring.ID, ":") || st.Configuration.Daemons != 3 {
		t.Errorf("status %+v", st)
	}
	if len(st.Changes) == 0 || !slices.Equal(st.Changes[0].Members, st.Ring.Members) || st.Changes[0].ID != st.Ring.ID {
		t.Errorf("changes %+v", st.Changes)
	}
	if b := st.Daemons[1]; b.State != status.Member || b.Heard == nil || b.Heard.Datagrams == 0 || b.Heard.Last == nil {
		t.Errorf("beta is %+v, %+v", b, b.Heard)
	}
	g := st.Daemons[2]
	if g.Name != "gamma" || g.State != status.NeverSeen || g.Reason != status.PortRefuses && g.Reason != status.NeverHeard || g.Text == "" || g.Since != st.Started {
		t.Errorf("gamma is %+v", g)
	}
	if st.Verdict != status.Degraded || len(st.Reasons) != 1 || st.Reasons[0].Daemon != "gamma" {
		t.Errorf("verdict %s, %v", st.Verdict, st.Reasons)
	}
	before := time.Now()
	if err := beta.Stop(); err != nil {
		t.Fatal(err)
	}
	testkit.Wait(t, "beta is missing", func() bool {
		b := promtest.JSON[status.Status](t, url+"/status").Daemons[1]
		return b.State == status.Missing && b.Since.After(before) && b.Reason != "" && b.Text != ""
	})
	r.Start("beta")
	testkit.Wait(t, "beta is back", func() bool { return promtest.JSON[status.Status](t, url+"/status").Daemons[1].State == status.Member })
}

// TestPages: sessions and groups are paged by name, and chosen by each other.
func TestPages(t *testing.T) {
	r := localringtest.New(t, "", "alpha")
	d := r.Start("alpha")
	url := webtest.Serve(t, d, nil)
	var all []string
	for i := range 7 {
		name := fmt.Sprintf("c%d", i)
		all = append(all, "#"+name+"#alpha")
		dial(t, d, name, "every", fmt.Sprintf("odd%d", i%2), fmt.Sprintf("own%d", i))
	}
	testkit.Wait(t, "all have joined", func() bool { return promtest.JSON[status.Status](t, url+"/status").Groups.Total == 10 })
	var got []string
	for after, n := "", 0; ; n++ {
		p := promtest.JSON[status.Sessions](t, url+"/status/sessions?limit=3&after="+strings.ReplaceAll(after, "#", "%23"))
		for _, s := range p.List {
			got = append(got, s.Name)
			if s.NumGroups != 3 || len(s.Groups) != 3 || s.Version == "" || s.Peer == "" || s.Since.IsZero() {
				t.Errorf("session %+v", s)
			}
		}
		if p.Total != 7 || n > 3 {
			t.Fatalf("page %d: %+v", n, p)
		}
		if after = p.Next; after == "" {
			break
		}
	}
	if !slices.Equal(got, all) {
		t.Errorf("sessions %v", got)
	}
	names := func(path string) (list []string) {
		t.Helper()
		if strings.Contains(path, "sessions") {
			for _, s := range promtest.JSON[status.Sessions](t, url+path).List {
				list = append(list, s.Name)
			}
			return list
		}
		for after := ""; ; {
			p := promtest.JSON[status.Groups](t, url+path+"&after="+after)
			for _, g := range p.List {
				list = append(list, g.Name)
			}
			if after = p.Next; after == "" {
				return list
			}
		}
	}
	for path, want := range map[string]string{
		"/status/sessions?group=odd1":                  "#c1#alpha #c3#alpha #c5#alpha",
		"/status/sessions?session=%23c2*":              "#c2#alpha",
		"/status/sessions?session=%23c2%23alpha":       "#c2#alpha",
		"/status/sessions?group=odd1&limit=1":          "#c1#alpha",
		"/status/sessions?group=nobody":                "",
		"/status/groups?limit=2":                       "every odd0 odd1 own0 own1 own2 own3 own4 own5 own6",
		"/status/groups?group=own*&limit=3":            "own0 own1 own2 own3 own4 own5 own6",
		"/status/groups?group=own3":                    "own3",
		"/status/groups?group=z*":                      "",
		"/status/groups?session=%23c4%23alpha":         "every odd0 own4",
		"/status/groups?session=%23c4%23alpha&limit=2": "every odd0 own4",
	} {
		if got := strings.Join(names(path), " "); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if g := promtest.JSON[status.Groups](t, url+"/status/groups?group=every").List[0]; g.NumMembers != 7 || g.LocalMembers != 7 || !slices.Equal(g.Members, all) {
		t.Errorf("group %+v", g)
	}
	for _, bad := range []string{"limit=0", "limit=1001", "limit=x", "page=2"} {
		if s, _, body := promtest.Request(t, http.MethodGet, url+"/status/groups?"+bad); s != http.StatusBadRequest || !strings.Contains(body, "want") {
			t.Errorf("%s: status %d, %s", bad, s, body)
		}
	}
}

// TestCounts: what clients send and groups get is counted, and rates appear with the second look.
func TestCounts(t *testing.T) {
	r := localringtest.New(t, "", "alpha")
	d := r.Start("alpha")
	url := webtest.Serve(t, d, nil)
	c := dial(t, d, "a", "site")
	send := func() {
		t.Helper()
		if err := c.Multicast(t.Context(), spread.Agreed, 0, []byte("0123456789"), "site"); err != nil {
			t.Fatal(err)
		}
	}
	testkit.Wait(t, "the group exists", func() bool { return promtest.JSON[status.Status](t, url+"/status").Groups.Total == 1 })
	for range 5 {
		send()
	}
	group := func() status.Group { return promtest.JSON[status.Groups](t, url+"/status/groups?group=site").List[0] }
	testkit.Wait(t, "five messages are counted", func() bool { g := group(); return g.Messages == 5 && g.Bytes == 50 })
	testkit.Wait(t, "there is a rate", func() bool { send(); g := group(); return g.MessageRate != nil && *g.MessageRate > 0 })
	if s := promtest.JSON[status.Sessions](t, url+"/status/sessions").List[0]; s.SentMessages < 6 || s.SentBytes < 60 || s.ReceivedMessages == 0 {
		t.Errorf("session %+v", s)
	}
}

// TestHealth: a daemon is ready once it is in a ring, and not alive when it has ended.
func TestHealth(t *testing.T) {
	r := localringtest.New(t, "", "alpha")
	d := r.Start("alpha")
	url := webtest.Serve(t, d, nil)
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		if s, _, body := promtest.Request(t, http.MethodGet, url+path); s != http.StatusOK {
			t.Errorf("%s: status %d, %s", path, s, body)
		}
	}
	if err := d.Stop(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/healthz", "/readyz", "/status"} {
		if s, _, body := promtest.Request(t, http.MethodGet, url+path); s != http.StatusServiceUnavailable || !strings.Contains(body, "not running") {
			t.Errorf("%s after the end: status %d, %s", path, s, body)
		}
	}
}

// TestCluster: one daemon shows all, with what each says of the others; the missing one has the reason
// that the others give, and round trips become known on the way.
func TestCluster(t *testing.T) {
	r := localringtest.New(t, "", "alpha", "beta", "gamma", "delta")
	var all []*localring.Daemon
	for _, name := range []string{"alpha", "beta", "gamma"} {
		all = append(all, r.Start(name))
	}
	if err := r.Await(t.Context()); err != nil {
		t.Fatal(err)
	}
	url := webtest.Serve(t, all[0], nil)
	c := promtest.JSON[status.Cluster](t, url+"/status/cluster")
	if c.From != "alpha" || c.Verdict != status.Degraded || len(c.Daemons) != 4 {
		t.Fatalf("cluster %+v", c)
	}
	for i, name := range []string{"alpha", "beta", "gamma"} {
		d := c.Daemons[i]
		if d.Name != name || !d.Answered || !d.Extended || !d.Operating || d.State != "OP" || d.Members != 3 || d.Ring != c.Daemons[0].Ring || d.Since == nil ||
			d.RoundTripSeconds <= 0 || d.Change == "" || d.Version == "" || len(d.Peers) != 3 {
			t.Errorf("%s: %+v", name, d)
		}
		for _, p := range d.Peers {
			if want := map[bool]status.State{true: status.NeverSeen, false: status.Member}[p.Name == "delta"]; p.State != want {
				t.Errorf("%s sees %+v", name, p)
			}
		}
	}
	d := c.Daemons[3]
	if d.Answered || d.Missing != status.NeverHeard && d.Missing != status.PortRefuses || d.Text == "" || d.Since == nil {
		t.Errorf("delta: %+v", d)
	}
	if len(c.Reasons) != 1 || c.Reasons[0].Daemon != "delta" {
		t.Errorf("reasons %v", c.Reasons)
	}
	if h := promtest.JSON[status.Status](t, url+"/status").Daemons[1].Heard; h.RoundTripSeconds == nil || *h.RoundTripSeconds <= 0 {
		t.Errorf("beta is heard as %+v", h)
	}
	testkit.Wait(t, "others learn of the round trip", func() bool {
		for _, p := range promtest.JSON[status.Cluster](t, url+"/status/cluster").Daemons[0].Peers {
			if p.Name == "beta" && p.RoundTripSeconds != nil {
				return true
			}
		}
		return false
	})
}

// frozen is a daemon that does not answer.
type frozen struct{ web.Source }

func (frozen) Alive(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestFrozen: a daemon that does not answer is not alive, and the check does not wait for it.
func TestFrozen(t *testing.T) {
	url := webtest.Serve(t, localringtest.New(t, "", "alpha").Start("alpha"), func(c *web.Config) { c.Source = frozen{} })
	if code, _, body := promtest.Request(t, http.MethodGet, url+"/healthz"); code != http.StatusServiceUnavailable || !strings.Contains(body, "does not answer") {
		t.Errorf("status %d, %s", code, body)
	}
}
