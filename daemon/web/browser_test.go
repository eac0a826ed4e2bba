package web_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/daemon/localring"
	"github.com/spreadd/spreadd/daemon/localring/localringtest"
	"github.com/spreadd/spreadd/daemon/session"
	"github.com/spreadd/spreadd/daemon/transport"
	"github.com/spreadd/spreadd/daemon/web/webtest"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/internal/testkit/browser"
	"github.com/spreadd/spreadd/spread"
)

// deaf is a network that loses what one daemon sends.
type deaf struct{ to atomic.Uint32 }

func (d *deaf) Arrived(_ netip.Addr, _ bool, datagram []byte) transport.Fate {
	id := d.to.Load()
	// All datagrams of the ring begin with a type and the daemon that sends.
	return transport.Fate{Drop: id != 0 && len(datagram) >= 8 && binary.NativeEndian.Uint32(datagram[4:]) == id}
}

// hostile is a name that wants to be more than text.
const hostile = "<img/src=x/onerror=alert(1)>"

// farm is a ring of four daemons, of which log1 can become deaf to another one.
type farm struct {
	t    *testing.T
	ring *localringtest.Ring
	all  []*localring.Daemon
	ears *deaf
	url  string
}

func newFarm(t *testing.T) *farm {
	t.Helper()
	f := &farm{t: t, ears: new(deaf)}
	names := []string{"web1", "web2", "log1", "log2"}
	f.ring = localringtest.Open(t, localring.Config{Names: names, Change: func(name string, cfg *daemon.Config) {
		switch name {
		case "log1":
			cfg.Ring.Filter = f.ears
		case "web1":
			cfg.Sessions.MaxSessionMessages = 50
			cfg.Grace = session.None
		}
	}})
	f.all = f.ring.StartAll()
	f.url = webtest.Serve(t, f.all[0], nil)
	return f
}

// traffic sends to some groups until the test ends.
func (f *farm) traffic() {
	f.t.Helper()
	var conns []*spread.Conn
	for i, d := range f.all {
		conns = append(conns, dial(f.t, d, fmt.Sprint("httpd", i)))
	}
	dial(f.t, f.all[2], "logsub", "www.example.com", "shop.example.com", "api.example.com")
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-f.t.Context().Done():
				return
			case <-tick.C:
			}
			group := []string{"www.example.com", "www.example.com", "shop.example.com", "www.example.com", "api.example.com"}[i%5]
			// The daemon of a connection may have stopped.
			_ = conns[i%2].Multicast(f.t.Context(), spread.Agreed, 0, make([]byte, 180), group)
		}
	}()
	f.t.Cleanup(func() { <-done })
}

// dropOne has the first daemon disconnect a client that does not read.
func (f *farm) dropOne() {
	f.t.Helper()
	dial(f.t, f.all[0], "sleepy", "big")
	fast := dial(f.t, f.all[0], "fast")
	testkit.Wait(f.t, "the client is dropped", func() bool {
		if err := fast.Multicast(f.t.Context(), spread.FIFO, 0, make([]byte, 100_000), "big"); err != nil {
			f.t.Fatal(err)
		}
		return f.all[0].Stats().Sessions.Ended[session.SessionSlow] > 0
	})
}

// TestBrowser opens the page of a ring in a real browser: it is healthy; then a daemon stops to hear
// another one, and then one is missing. The page names the link, and the daemon.
func TestBrowser(t *testing.T) {
	b := browser.Open(t)
	f := newFarm(t)
	evil := dial(t, f.all[1], "evil", hostile)
	f.dropOne()
	f.traffic()

	b.Do(chromedp.Navigate(f.url + "/"))
	b.Wait("a healthy ring", `document.getElementById("verdict").dataset.verdict === "healthy"`)
	b.Wait("the ring", `document.querySelectorAll("#ring circle").length === 4 && document.querySelectorAll("#ring .token").length === 4`)
	b.Wait("the groups with their rates", `[...document.querySelectorAll("#groups tbody tr")].some((r) => r.cells[0].textContent === "www.example.com" && parseFloat(r.cells[1].textContent) > 0)`)
	b.Wait("the hostile name as text", fmt.Sprintf(`document.getElementById("groups").textContent.includes(%q)`, hostile))
	b.Wait("the dropped client and why", `document.getElementById("slow").textContent.includes("#sleepy#web1") && document.getElementById("slow").textContent.includes("more waited than its limit allows")`)
	b.Wait("the changes with their causes", `document.getElementById("changes").textContent.includes("log2 joined")`)
	b.Wait("round trips", `[...document.querySelectorAll("#matrix tbody tr")][0].cells[2].textContent.includes("ms")`)
	if n := browser.Eval[int](b, `document.querySelectorAll("img, iframe, script").length`); n != 1 {
		t.Errorf("%d elements that run or load something, want the page's script alone", n)
	}
	if err := evil.Close(); err != nil {
		t.Error(err)
	}
	b.Wait("the end of the hostile group", fmt.Sprintf(`!document.getElementById("groups").textContent.includes(%q)`, hostile))
	looks(t, b)

	f.ears.to.Store(uint32(f.all[1].Config.Engine.Self))
	b.Wait("the broken link", `document.getElementById("reasons").textContent.includes("log1 does not hear web2, which hears it")`)
	b.Wait("its place in the matrix", `[...document.querySelectorAll("#matrix tbody tr")][2].cells[2].textContent === "✗ deaf"`)
	b.Wait("its arrow", `document.querySelectorAll("#ring .broken").length === 1 && document.getElementById("ring-text").textContent.includes("Broken: web2 → log1")`)
	b.Shoot("one-way")
	if codes := browser.Eval[[]string](b, `[...document.querySelectorAll("#reasons code")].map((c) => c.textContent)`); slices.Contains(codes, "cut-link") || codes[0] != "one-way" {
		t.Errorf("the reasons are %q", codes)
	}

	f.ears.to.Store(0)
	b.Wait("the ring again", `document.getElementById("verdict").dataset.verdict === "healthy"`)
	if err := f.all[3].Stop(); err != nil {
		t.Fatal(err)
	}
	b.Wait("the missing daemon", `document.getElementById("reasons").textContent.includes("log2 does not answer: ") && document.querySelector("#hosts tbody").rows[3].cells[1].textContent === "missing"`)
	b.Wait("why it left", `document.getElementById("changes").textContent.includes("log2 left")`)
	b.Shoot("missing")
	if err := f.all[0].Stop(); err != nil {
		t.Fatal(err)
	}
	b.Wait("the end of the daemon", `document.getElementById("state-text").textContent.startsWith("spreadd does not answer")`)
	for _, text := range b.Heard() {
		if !strings.Contains(text, "503") { // of the daemon that has ended
			t.Errorf("the browser said %q", text)
		}
	}
	b.OnlyAsks(f.url)
	b.PolicyBites("/status?img")
}

// looks holds the page to its width on a telephone, its colors, and names for what can be used.
func looks(t *testing.T, b *browser.Browser) {
	t.Helper()
	b.Named(map[string]int{"button": 1, "combobox": 1, "table": 6, "region": 6, "status": 2})
	b.Media("light")
	light := browser.Eval[string](b, `getComputedStyle(document.body).backgroundColor`)
	b.Shoot("healthy")
	b.Media("dark")
	if dark := browser.Eval[string](b, `getComputedStyle(document.body).backgroundColor`); light == dark {
		t.Errorf("the background is %s in the light and in the dark", light)
	}
	b.Shoot("dark")
	b.Media("light")
	for _, width := range []int64{1920, 1100, 390, 360} {
		b.Do(chromedp.EmulateViewport(width, 800))
		b.Wait("the page's new width", fmt.Sprintf(`document.documentElement.clientWidth === %d`, width))
		if n := browser.Eval[int64](b, `document.documentElement.scrollWidth`); n > width {
			t.Errorf("the page is %d pixels wide on a screen of %d", n, width)
		}
		b.Shoot(fmt.Sprint("width", width))
	}
	b.Do(chromedp.EmulateViewport(1400, 1000))
}
