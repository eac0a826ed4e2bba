package integration

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/integration/harness"
	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/internal/tlsconf"
	"github.com/spreadd/spreadd/internal/tlsconf/tlstest"
	"github.com/spreadd/spreadd/spread"
)

// guarded is a daemon with the settings that docs/operate/access.md recommends.
type guarded struct {
	t         *testing.T
	dir       string
	bin       string
	address   string // where it speaks TLS
	authority *tlstest.Authority
}

// newGuarded starts the daemon hub1 of the page. Only paths and addresses differ.
func newGuarded(t *testing.T) *guarded {
	t.Helper()
	g := &guarded{t: t, dir: t.TempDir(), bin: programs.Build(t, "spreadd", "logpub", "logsub")}
	g.authority = tlstest.NewAuthority(t, g.dir)
	g.authority.Sign(t, "hub1")
	plain, encrypted := freePort(t), freePort(t)
	g.address = fmt.Sprintf("%d@localhost", encrypted)
	var blocks strings.Builder
	for _, section := range []string{"TLS", "Rules"} {
		blocks.WriteString(exampleOf(t, "../docs/operate/access.md", section, "toml"))
	}
	text := strings.NewReplacer("/etc/spread/", g.dir+"/", `":4804"`, fmt.Sprintf(`"127.0.0.1:%d"`, encrypted)).Replace(blocks.String())
	settings := g.write("spreadd.toml", "[socket]\ndir = \"\"\nlegacy_dir = \"\"\n"+text)
	conf := g.write("spread.conf", fmt.Sprintf("Spread_Segment 127.0.0.255:%d {\n\thub1 127.0.0.1 {\n\t\t127.0.0.1\n\t}\n}\n", plain))
	harness.Launch(t, g.bin+"/spreadd", "-n", "hub1", "-c", conf, "-settings", settings)
	testkit.Wait(t, "the daemon", func() bool { return answers(encrypted) })
	return g
}

func (g *guarded) write(name, text string) string {
	g.t.Helper()
	return writeFile(g.t, g.dir+"/"+name, text)
}

// files returns the settings of a program with the certificate of a host, as one table of TOML.
func (g *guarded) files(host string) string {
	f := g.authority.Sign(g.t, host)
	return fmt.Sprintf("[tls]\nca = %q\ncertificate = %q\nkey = %q\n", f.CA, f.Certificate, f.Key)
}

// dial connects with a certificate.
func (g *guarded) dial(f tlsconf.PEMFiles, name string) (*spread.Conn, error) {
	g.t.Helper()
	cfg, err := f.Client(nil)
	if err != nil {
		g.t.Fatal(err)
	}
	c, err := spread.Dial(g.t.Context(), g.address, spread.WithTLS(cfg), spread.WithName(name), spread.WithMembership(true))
	if err == nil {
		g.t.Cleanup(c.Kill)
	}
	return c, err
}

// tries connects as a host, has it ask for something, and checks that it receives a rejection,
// besides what it sends to itself.
func (g *guarded) tries(host, name string, request func(context.Context, *spread.Conn) error) {
	g.t.Helper()
	c, err := g.dial(g.authority.Sign(g.t, host), name)
	if err != nil {
		g.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(g.t.Context(), testkit.Patience)
	defer cancel()
	if err := request(ctx, c); err != nil {
		g.t.Fatal(err)
	}
	if err := c.Multicast(ctx, spread.Agreed, 0, []byte("the end"), c.PrivateGroup()); err != nil {
		g.t.Fatal(err)
	}
	rejected := false
	for range 2 {
		ev, err := c.Receive(ctx)
		if err != nil {
			g.t.Fatalf("%s: %v", host, err)
		}
		_, is := ev.(*spread.Rejected)
		rejected = rejected || is
	}
	if !rejected {
		g.t.Errorf("what %s asks for is not rejected", host)
	}
}

// warnsOfRules starts programs that may not join their groups, and checks that they say why no line
// comes.
func (g *guarded) warnsOfRules() {
	g.t.Helper()
	f := g.authority.Sign(g.t, "log1.example.net")
	args := []string{"-s", g.address, "-tls-ca", f.CA, "-tls-cert", f.Certificate, "-tls-key", f.Key, "-g", "other"}
	p := harness.Launch(g.t, g.bin+"/logsub", append(args, "-o", g.dir+"/other.log")...)
	p.Expect("the daemon rejects a request; its access policy must allow")
	p.Stop()
	in := g.write("forged.log", "a line under the name of web1\n")
	p = harness.Launch(g.t, g.bin+"/logpub", "-c", g.write("forged.toml", fmt.Sprintf("daemon = %q\npublisher = \"web1\"\nstate = %q\n%s[[input]]\nfile = %q\nfrom_start = true\ngroups = [\"site-a\"]\n",
		g.address, g.dir+"/state-forged", g.files("web2.example.net"), in)))
	p.Expect("the daemon rejects our lines; its rules must let this client send to the group as this publisher")
	p.Stop()
}

// logHost starts a log host that heals itself.
func (g *guarded) logHost(name, out string) *harness.Process {
	g.t.Helper()
	text := fmt.Sprintf("daemon = %q\nhost = %q\n%s[heal]\nlisten = \"127.0.0.1:%d\"\n[[log]]\ngroup = \"site-a\"\nfile = %q\nenvelope = \"index\"\n",
		g.address, name, g.files(name+".example.net"), freePort(g.t), out)
	p := harness.Launch(g.t, g.bin+"/logsub", "-c", g.write(name+".toml", text))
	p.Expect(joinedGroup)
	return p
}

// TestAccess: with TLS and the rules of docs/operate/access.md, the lines of a web host reach a log
// host with each way of delivery and are confirmed, and a second log host gets them from the first. A web host cannot read, a log host cannot write,
// and strangers can do neither.
func TestAccess(t *testing.T) {
	g := newGuarded(t)
	out := g.dir + "/site-a.log"
	sub := g.logHost("log1", out)
	var want strings.Builder
	for i, delivery := range []string{"written", "ordered", "sent"} {
		line := fmt.Sprintf("the line that is %s\n", delivery)
		in := g.write(delivery+".log", line)
		conf := g.write("logpub.toml", fmt.Sprintf("daemon = %q\nname = \"lp%d\"\npublisher = \"web1\"\ndelivery = %q\nstate = %q\n%s[spool]\ndir = %q\n[[input]]\nfile = %q\nfrom_start = true\ngroups = [\"site-a\"]\n",
			g.address, i, delivery, g.dir+"/state-"+delivery, g.files("web1.example.net"), g.dir+"/spool-"+delivery, in))
		pub := harness.Launch(t, g.bin+"/logpub", "-c", conf)
		pub.Expect(connected)
		want.WriteString(line)
		testkit.Wait(t, "the line with delivery "+delivery, func() bool { return readFile(t, out) == want.String() })
		pub.Stop()
		for _, complaint := range []string{"rejects", "acknowledges", "WARN"} {
			if pub.Says(complaint) {
				t.Errorf("logpub with delivery %s says %q:\n%s", delivery, complaint, pub.Tail(20))
			}
		}
	}
	healed := t.TempDir() + "/site-a.log"
	second := g.logHost("log2", healed)
	testkit.Wait(t, "the second log host has all lines", func() bool { return readFile(t, healed) == want.String() })
	g.warnsOfRules()
	line := []byte("a line\n")
	send := func(ctx context.Context, c *spread.Conn) error {
		return c.Multicast(ctx, spread.Agreed, 0, line, "site-a")
	}
	join := func(ctx context.Context, c *spread.Conn) error { return c.Join(ctx, "site-a") }
	g.tries("web2.example.net", "lpjoin", join)
	forged := append((&envelope.Header{Publisher: "web1", Epoch: 1, Seq: 1 << 30}).Append(nil), line...)
	g.tries("web2.example.net", "lpforge", func(ctx context.Context, c *spread.Conn) error {
		return c.Multicast(ctx, spread.Agreed, 0, forged, "site-a")
	})
	g.tries("log2.example.net", "lssend", send)
	if _, err := g.dial(g.authority.Sign(t, "mail.example.net"), "lp9"); !errors.Is(err, spread.ErrRejectAuth) {
		t.Errorf("a stranger with a certificate of the authority: %v", err)
	}
	other := t.TempDir()
	f := tlstest.NewAuthority(t, other).Sign(t, "web1.example.net")
	f.CA = g.authority.File
	if c, err := g.dial(f, "lp9"); err == nil {
		t.Errorf("a stranger with a certificate of another authority connects as %s", c.PrivateGroup())
	}
	if got := readFile(t, out); got != want.String() {
		t.Errorf("the log has\n%swant\n%s", got, want.String())
	}
	for _, p := range []*harness.Process{sub, second} {
		if p.Says("WARN") {
			t.Errorf("logsub complains:\n%s", p.Tail(20))
		}
		p.Stop()
	}
}
