package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"text/tabwriter"

	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/daemon/localring"
	"github.com/spreadd/spreadd/daemon/localring/localringtest"
	"github.com/spreadd/spreadd/daemon/transport"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/internal/testkit/golden"
	"github.com/spreadd/spreadd/spread"
	"github.com/spreadd/spreadd/wire"
)

// debuggingPage is the page whose outputs TestPage makes.
const debuggingPage = "../../docs/develop/debugging-groups.md"

// network is the network between the daemons of the page.
type network struct {
	gamma atomic.Uint32 // its ID
	// split cuts gamma off. late loses the packet of a price on the way to beta.
	split, late atomic.Bool
}

// link is the network in front of one daemon.
type link struct {
	*network
	self string
}

func (l *link) Arrived(_ netip.Addr, token bool, datagram []byte) transport.Fate {
	from := transport.Transmitter(token, datagram)
	gamma := wire.DaemonID(l.gamma.Load())
	late := l.late.Load() && l.self == "beta" && bytes.Contains(datagram, []byte("apples 4"))
	return transport.Fate{Drop: late || l.split.Load() && (from == gamma) != (l.self == "gamma")}
}

// page runs the commands of the page at a ring of three daemons, in a directory of its own.
type page struct {
	t   *testing.T
	net *network
	at  map[string]string // addresses of the daemons
	log *testkit.Output
	out strings.Builder
}

func newPage(t *testing.T) *page {
	p := &page{t: t, net: new(network), at: make(map[string]string), log: new(testkit.Output)}
	t.Chdir(t.TempDir())
	ring := localringtest.Open(t, localring.Config{
		Names: []string{"alpha", "beta", "gamma"}, Options: "MaxSessionMessages = 20\n",
		Log: slog.New(slog.NewTextHandler(p.log, nil)),
		Change: func(name string, cfg *daemon.Config) {
			cfg.Ring.Filter = &link{p.net, name}
			if name == "gamma" {
				p.net.gamma.Store(uint32(cfg.Engine.Self))
			}
			cfg.Grace = -1
		},
	})
	for _, d := range ring.StartAll() {
		p.at[d.Name] = d.Address()
	}
	return p
}

// reached replaces the addresses of the page, such as 4803@alpha, by those of the ring, and back.
func (p *page) reached(args []string, back bool) []string {
	var pairs []string
	for name, address := range p.at {
		if shown := "4803@" + name; back {
			pairs = append(pairs, address, shown)
		} else {
			pairs = append(pairs, shown, address)
		}
	}
	r := strings.NewReplacer(pairs...)
	for i := range args {
		args[i] = r.Replace(args[i])
	}
	return args
}

// split splits a command line. Single quotes are the only ones.
func split(line string) []string {
	var args []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			args = append(args, part)
		} else {
			args = append(args, strings.Fields(part)...)
		}
	}
	return args
}

// run shows a command of the page with its output, and its status if it is not 0.
func (p *page) run(line string) {
	p.t.Helper()
	var out bytes.Buffer
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	status := run(ctx, p.reached(split(line), false), strings.NewReader(""), &out, &out)
	fmt.Fprintf(&p.out, "$ spuser %s\n%s", line, p.usual(out.String()))
	if status != 0 {
		fmt.Fprintf(&p.out, "(status %d)\n", status)
	}
}

// begin runs a command in the background, and returns it with what ends it. The output goes to the
// page when it ends, if it is shown.
func (p *page) begin(line string, shown bool) (out *testkit.Output, end func()) {
	ctx, cancel := context.WithCancel(p.t.Context())
	out = new(testkit.Output)
	all := new(testkit.Output)
	done := make(chan int, 1)
	both := io.MultiWriter(out, all)
	go func() { done <- run(ctx, p.reached(split(line), false), strings.NewReader(""), both, both) }()
	return out, func() {
		p.t.Helper()
		cancel()
		if status := <-done; status != 0 {
			p.t.Errorf("spuser %s: status %d: %s", line, status, all)
		}
		if shown {
			fmt.Fprintf(&p.out, "$ spuser %s\n%s", line, p.usual(all.String()))
		}
	}
}

// The parts of the output that differ from run to run.
var (
	clocks = regexp.MustCompile(`\d\d:\d\d:\d\d\.\d{3}`)
	times  = regexp.MustCompile(`\d+\.\d\d ms`)
	names  = regexp.MustCompile(`#r\d+-\d+#`)
	spans  = regexp.MustCompile(`(notice of the daemon \(change\): [\w ]+(?:: no answer \([^)]*\))?)[^\n]*`)
	counts = regexp.MustCompile(`\d+ membership events of weblogs`)
)

// usual replaces what differs from run to run.
func (p *page) usual(text string) string {
	text = p.reached([]string{text}, true)[0]
	text = names.ReplaceAllString(text, "#r1-1#")
	text = spans.ReplaceAllString(text, "$1, 50 ms, nothing lost")
	text = counts.ReplaceAllString(text, "6 membership events of weblogs")
	text = clocks.ReplaceAllString(text, "12:00:00.000")
	if times.MatchString(text) || strings.HasPrefix(text, "from ") {
		var b strings.Builder
		w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		text = times.ReplaceAllString(text, "0.30 ms")
		fmt.Fprint(w, regexp.MustCompile(` {2,}`).ReplaceAllString(text, "\t"))
		_ = w.Flush()
		text = b.String()
	}
	return text
}

// client connects a client of somebody else.
func (p *page) client(name, at string, groups ...string) *spread.Conn {
	p.t.Helper()
	c, err := spread.Dial(p.t.Context(), p.at[at], spread.WithName(name), spread.WithMembership(true))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(c.Kill)
	for _, g := range groups {
		if err := c.Join(p.t.Context(), g); err != nil {
			p.t.Fatal(err)
		}
		for {
			if ev, err := c.Receive(p.t.Context()); err != nil {
				p.t.Fatal(err)
			} else if m, ok := ev.(*spread.Membership); ok && m.Group == g {
				break
			}
		}
	}
	return c
}

// TestPage runs the five problems of the page. On a machine that is busy, a ring may form more often
// than it has to, which the page would show, so each problem has three attempts.
func TestPage(t *testing.T) {
	file, err := filepath.Abs(debuggingPage)
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, problem := range map[string]func(*page){
		"unseen": (*page).unseen, "taken": (*page).taken, "orders": (*page).orders, "slow": (*page).slow, "partition": (*page).partition,
	} {
		t.Run(name, func(t *testing.T) {
			var got string
			begin, end := "<!-- output: "+name+" -->\n", "<!-- end of output -->\n"
			for range 3 {
				t.Run("ring", func(t *testing.T) {
					p := newPage(t)
					problem(p)
					got = "\n```console\n" + p.out.String() + "```\n\n"
				})
				if strings.Contains(string(content), begin+got+end) {
					return
				}
			}
			golden.Section(t, file, begin, end, got)
		})
	}
}

// unseen: bob has joined another group.
func (p *page) unseen() {
	p.client("ann", "alpha", "weblogs")
	p.client("bob", "beta", "weblog")
	p.run("members -s 4803@alpha weblogs weblog")
	p.run("ping -count 3 -interval 10ms 4803@alpha 4803@beta")
}

// taken: the name is in use at this daemon.
func (p *page) taken() {
	p.client("bob", "beta", "weblogs")
	p.run("tail -s 4803@beta -u bob weblogs")
	p.run("members -s 4803@alpha weblogs")
	p.run("send -s 4803@alpha -u bob weblogs hello")
}

// orders: a reliable message overtakes another one.
func (p *page) orders() {
	endAlpha, endBeta := p.record("alpha.rec", "alpha", "prices"), p.record("beta.rec", "beta", "prices")
	p.recorded("alpha.rec", `"cause":"join"`, 2)
	apples, pears := p.client("shop1", "alpha"), p.client("shop2", "gamma")
	send := func(c *spread.Conn, service spread.Service, text string, files ...string) {
		p.t.Helper()
		if err := c.Multicast(p.t.Context(), service, 1, []byte(text), "prices"); err != nil {
			p.t.Fatal(err)
		}
		for _, file := range files {
			p.recorded(file, text, 1)
		}
	}
	send(apples, spread.Agreed, "apples 3", "alpha.rec", "beta.rec")
	p.net.late.Store(true)
	send(apples, spread.Reliable, "apples 4", "alpha.rec")
	send(pears, spread.Reliable, "apples 5", "alpha.rec", "beta.rec")
	p.net.late.Store(false)
	p.recorded("beta.rec", "apples 4", 1)
	endAlpha()
	p.recorded("beta.rec", `"cause":"disconnect"`, 1)
	endBeta()
	p.run("diff alpha.rec beta.rec")
}

// record starts a recorder, and shows it when it ends.
func (p *page) record(file, at, group string) (end func()) {
	_, end = p.begin(fmt.Sprintf("record -o %s -u watch -s 4803@%s %s", file, at, group), true)
	p.recorded(file, `"cause":"join"`, 1)
	return end
}

// recorded waits until a recording has a text a number of times.
func (p *page) recorded(file, text string, times int) {
	p.t.Helper()
	testkit.Wait(p.t, text+" in "+file, func() bool {
		b, err := os.ReadFile(file)
		return err == nil && bytes.Count(b, []byte(text)) >= times
	})
}

// warnings are those of a daemon about the client lazy.
var warnings = regexp.MustCompile(`level=WARN msg="([^"]*)".* session=#lazy#alpha`)

// slow: a client that does not read is disconnected.
func (p *page) slow() {
	p.client("ann", "alpha", "weblogs")
	p.client("lazy", "alpha", "weblogs")
	out, end := p.begin("tail -only views -u watch -s 4803@beta weblogs", true)
	out.Wait(p.t, "join of #watch#beta")
	busy := p.client("busy", "beta")
	payload := make([]byte, 100_000)
	for sent := 0; !strings.Contains(out.String(), "disconnect of #lazy#alpha"); sent++ {
		if sent > 5000 {
			p.t.Fatalf("lazy is still connected: %s", out)
		}
		if err := busy.Multicast(p.t.Context(), spread.FIFO, 1, payload, "#lazy#alpha"); err != nil {
			p.t.Fatal(err)
		}
	}
	end()
	fmt.Fprintln(&p.out, "$ journalctl -u spreadd -o cat | grep lazy # on alpha, or grep in your log file")
	for _, m := range warnings.FindAllStringSubmatch(p.log.String(), -1) {
		fmt.Fprintf(&p.out, "WARN %s session=#lazy#alpha\n", m[1])
	}
}

// partition: gamma is cut off for a while.
func (p *page) partition() {
	p.client("ann", "alpha", "weblogs")
	endAlpha, endGamma := p.record("web1.rec", "alpha", "weblogs"), p.record("web3.rec", "gamma", "weblogs")
	p.recorded("web1.rec", `"cause":"join"`, 2)
	out, end := p.begin("tail -only views -u views -s 4803@alpha weblogs", true)
	out.Wait(p.t, "join of #views#alpha")
	p.recorded("web3.rec", `"cause":"join"`, 2)
	p.net.split.Store(true)
	out.Wait(p.t, "without #watch#gamma")
	p.recorded("web3.rec", `"cause":"network"`, 1)
	p.run("ping -count 3 -interval 10ms 4803@alpha 4803@beta 4803@gamma")
	p.run("send -s 4803@alpha weblogs one")
	p.run("send -s 4803@gamma weblogs two")
	p.net.split.Store(false)
	out.Wait(p.t, "with #watch#gamma")
	p.run("send -s 4803@beta weblogs three")
	p.recorded("web1.rec", `"three"`, 1)
	p.recorded("web3.rec", `"three"`, 1)
	end()
	p.recorded("web1.rec", `"cause":"disconnect"`, 1)
	endAlpha()
	p.recorded("web3.rec", `"cause":"disconnect"`, 2)
	endGamma()
	p.run("diff -context 2 web1.rec web3.rec")
}
