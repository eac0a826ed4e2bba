package daemon

import (
	"errors"
	"log/slog"
	"net/netip"
	"os/user"
	"runtime"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/daemon/access"
	"github.com/spreadd/spreadd/daemon/session"
	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/spread"
)

// TestRules: clients on TCP may send to a log group, local clients join it. What the rules do not allow
// is returned as a reject message or refused, counted and logged; and other rules count at once.
func TestRules(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("this system may not say who a local client is")
	}
	me, err := user.Current()
	if err != nil {
		t.Skip(err)
	}
	cfg := testConfig(t, "alpha", alphaID)
	var log testkit.Output
	cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
	web := access.Rule{Addresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Names: []string{"lp*"}, Send: []string{"logs"}}
	cfg.Sessions.Auth.Rules = access.Rules{web, {Users: []string{me.Username}, Join: []string{"logs"}, Send: []string{"#lp*"}}}
	d := start(t, cfg)
	tcp, unix := d.Addrs()[0].String(), d.Addrs()[1].String()
	open := func(address, name string) *spread.Conn {
		t.Helper()
		c, err := spread.Dial(t.Context(), address, spread.WithName(name), spread.WithMembership(true))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Kill)
		return c
	}
	rejected := func(c *spread.Conn) {
		t.Helper()
		ev, err := c.Receive(t.Context())
		if _, ok := ev.(*spread.Rejected); !ok || err != nil {
			t.Fatalf("got %T %v, want a reject", ev, err)
		}
	}
	send := func(c *spread.Conn, groups ...string) {
		t.Helper()
		if err := c.Multicast(t.Context(), spread.Agreed, 0, []byte("line"), groups...); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := spread.Dial(t.Context(), tcp, spread.WithName("other")); !errors.Is(err, spread.ErrRejectIllegalName) {
		t.Errorf("a name that does not belong to the client: %v", err)
	}
	pub, sub := open(tcp, "lp1"), open(unix, "ls1")
	if err := sub.Join(t.Context(), "logs"); err != nil {
		t.Fatal(err)
	}
	if ev, err := sub.Receive(t.Context()); err != nil {
		t.Fatal(ev, err)
	}
	if err := pub.Join(t.Context(), "logs"); err != nil {
		t.Fatal(err)
	}
	rejected(pub)
	send(pub, "news")
	rejected(pub)
	send(pub, "logs", "news")
	rejected(pub)
	send(sub, "logs")
	rejected(sub)
	send(pub, "logs")
	if ev, err := sub.Receive(t.Context()); err != nil || string(ev.(*spread.Message).Payload) != "line" {
		t.Fatalf("%v, %v", ev, err)
	}
	send(sub, pub.PrivateGroup())
	if ev, err := pub.Receive(t.Context()); err != nil || string(ev.(*spread.Message).Payload) != "line" {
		t.Fatalf("%v, %v", ev, err)
	}
	send(pub, pub.PrivateGroup())
	if ev, err := pub.Receive(t.Context()); err != nil || ev.(*spread.Message).Sender != pub.PrivateGroup() {
		t.Fatalf("%v, %v", ev, err)
	}
	st := d.Stats()
	if st.Submitted[engine.JoinForbidden] != 1 || st.Submitted[engine.SendForbidden] != 3 || st.Sessions.Ended[session.HandshakeNameForbidden] != 1 {
		t.Errorf("counted: %v, %v", st.Submitted, st.Sessions.Ended)
	}
	for _, want := range []string{"may not join the group", "may not send to the group", "allows this private name"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, &log)
		}
	}
	cfg.Sessions.Auth.Rules = access.Rules{web}
	if err := d.Reload(cfg); err != nil {
		t.Fatal(err)
	}
	send(sub, pub.PrivateGroup())
	rejected(sub)
	if _, err := spread.Dial(t.Context(), unix, spread.WithName("ls2")); !errors.Is(err, spread.ErrRejectAuth) {
		t.Errorf("a client that no rule matches: %v", err)
	}
}

// TestPublishers: a client sends lines of logpub under the names that a rule for the group has for it,
// and lines without a publisher as before. So nobody writes lines under the name of another.
func TestPublishers(t *testing.T) {
	cfg := testConfig(t, "alpha", alphaID)
	var log testkit.Output
	cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
	cfg.Sessions.Auth.Rules = access.Rules{
		{Names: []string{"lp*"}, Send: []string{"logs", "more"}, Publishers: []string{"web1", "web1-*"}},
		{Names: []string{"ls*"}, Join: []string{"logs", "news"}, Send: []string{"news"}},
	}
	d := start(t, cfg)
	open := func(name string) *spread.Conn {
		t.Helper()
		c, err := spread.Dial(t.Context(), d.Addrs()[0].String(), spread.WithName(name), spread.WithMembership(true))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Kill)
		return c
	}
	pub, sub := open("lp1"), open("ls1")
	if err := sub.Join(t.Context(), "logs"); err != nil {
		t.Fatal(err)
	}
	if ev, err := sub.Receive(t.Context()); err != nil {
		t.Fatal(ev, err)
	}
	lines := func(publisher string) string {
		return string((&envelope.Header{Publisher: publisher, Epoch: 1}).Append(nil)) + "line\n"
	}
	const ask = "\xffLC\x01\x01"
	send := func(payload string, groups ...string) {
		t.Helper()
		if err := pub.Multicast(t.Context(), spread.Agreed, 0, []byte(payload), groups...); err != nil {
			t.Fatal(err)
		}
	}
	good := []string{lines("web1"), lines("web1-errors"), "a line\n", ask + "\x04web1\x01\x00", "\xffLC\x01\x03hello", "\xff"}
	for _, payload := range good {
		send(payload, "logs")
		if ev, err := sub.Receive(t.Context()); err != nil || string(ev.(*spread.Message).Payload) != payload {
			t.Fatalf("%q: %v, %v", payload, ev, err)
		}
	}
	bad := []string{lines("web2"), lines("web10"), lines("web"), ask + "\x04web2\x01\x00", ask + "\x05web1", ask, "\xffLP\x02\x04web1", "\xffLP\x01\x04web1", "\xffLC\x02"}
	for _, payload := range bad {
		send(payload, "more", "logs")
		if ev, err := pub.Receive(t.Context()); err != nil || string(ev.(*spread.Rejected).Message.Payload) != payload {
			t.Fatalf("%q: %v, %v", payload, ev, err)
		}
	}
	send(lines("web2"), pub.PrivateGroup()) // nobody else reads that
	if ev, err := pub.Receive(t.Context()); err != nil || ev.(*spread.Message).Sender != pub.PrivateGroup() {
		t.Fatalf("%v, %v", ev, err)
	}
	if st := d.Stats(); st.Submitted[engine.PublisherForbidden] != int64(len(bad)) {
		t.Errorf("counted: %v", st.Submitted)
	}
	if want := "may not send lines of this publisher"; strings.Count(log.String(), want) != 1 || !strings.Contains(log.String(), "publisher=web2") {
		t.Errorf("the log does not have %q once:\n%s", want, &log)
	}
}
