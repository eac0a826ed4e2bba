package web

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/spreadd/spreadd/internal/testkit/testskip"
)

var screenshots = flag.String("screenshots", "", "write pictures of the page to this `directory`")

// browser is a real one, with what it complained of.
type browser struct {
	t   *testing.T
	ctx context.Context

	mu         sync.Mutex
	complaints []string
	requests   []string
}

// open starts a browser, or skips the test where there is none.
func open(t *testing.T) *browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		testskip.Skip(t, "chromium is not installed: apt-get install chromium")
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.Flag("no-proxy-server", true), chromedp.WindowSize(1400, 1000))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox) // it refuses to run as root otherwise
	}
	limited, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	allocated, stop := chromedp.NewExecAllocator(limited, options...)
	t.Cleanup(stop)
	ctx, closeTab := chromedp.NewContext(allocated)
	t.Cleanup(closeTab)
	b := &browser{t: t, ctx: ctx}
	call(b, network.Enable, network.EnableParams{})
	call(b, cdplog.Enable, cdp.Empty{})
	call(b, page.Enable, page.EnableParams{})
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		t.Fatal(err)
	}
	return b
}

// call calls a command of the browser's protocol.
func call[P, R any](b *browser, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	r, err := chromedp.Call(b.ctx, command, params)
	if err != nil {
		b.t.Fatalf("%s: %v", command.Method, err)
	}
	return r
}

// hear collects what a user would find in the console, and what is fetched.
func (b *browser) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		var text []string
		for _, a := range e.Args {
			text = append(text, string(a.Value))
		}
		b.complaints = append(b.complaints, "console: "+strings.Join(text, " "))
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, fmt.Sprintf("exception: %+v %+v", e.ExceptionDetails, e.ExceptionDetails.Exception))
	case *cdplog.EventEntryAdded:
		b.complaints = append(b.complaints, fmt.Sprintf("%s: %s", e.Entry.Level, e.Entry.Text))
	case *page.EventJavascriptDialogOpening:
		b.complaints = append(b.complaints, "dialog: "+e.Message)
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	}
}

// heard returns the complaints so far, and forgets them.
func (b *browser) heard() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.complaints
	b.complaints = nil
	return all
}

// do runs actions.
func (b *browser) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatalf("%v; the browser said %q", err, b.heard())
	}
}

// wait waits until an expression is true.
func (b *browser) wait(what, expression string) {
	b.t.Helper()
	for deadline := time.Now().Add(time.Minute); !eval[bool](b, "Boolean("+expression+")"); {
		if time.Now().After(deadline) {
			b.t.Fatalf("waiting for %s; the browser said %q, the page is\n%s", what, b.heard(), eval[string](b, "document.body.innerText"))
		}
		time.Sleep(50 * time.Millisecond) //house:sleep polls a browser, which is another process
	}
}

// eval returns the value of an expression.
func eval[T any](b *browser, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("%s: %v; the browser said %q", expression, err, b.heard())
	}
	return v
}

// script runs statements.
func (b *browser) script(statements string) {
	b.t.Helper()
	eval[bool](b, "(() => {"+statements+"; return true})()")
}

// choose chooses a value of a selection, as a user does.
func (b *browser) choose(id, value string) {
	b.t.Helper()
	b.script(fmt.Sprintf(`const s = document.getElementById(%q); s.value = %q; s.dispatchEvent(new Event("change"))`, id, value))
}

// media makes the browser's user like the light or the dark.
func (b *browser) media(scheme string) {
	b.t.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
}

// shoot takes a picture, if that is asked for.
func (b *browser) shoot(name string) {
	b.t.Helper()
	if *screenshots == "" {
		return
	}
	picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*screenshots, name+".png"), picture, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// cells are the first cells of a list.
const cells = `[...document.querySelectorAll("#%s tbody tr")].map(r => r.cells[0].textContent)`

// TestBrowser feeds lines through a daemon, opens the page in a real browser, and compares what it
// shows with what was fed.
func TestBrowser(t *testing.T) {
	b := open(t)
	f := newFarm(t)
	f.feed(200)
	for i := range 60 {
		if *screenshots == "" {
			break
		}
		f.feed(30 + int(20*math.Sin(float64(i)/6)) + i%5) // so that there is something to see
		time.Sleep(time.Second)                           //house:sleep a picture of a minute takes a minute
	}
	b.do(chromedp.Navigate(f.url))
	b.wait("the requests that were fed", fmt.Sprintf(`document.getElementById("requests")?.dataset.sum === "%d"`, f.requests))

	// The numbers.
	for id, want := range map[string]int64{"bandwidth": f.bytes, "client-errors": f.codes[404], "server-errors": f.codes[500], "odd": f.odd} {
		if got := eval[string](b, `document.getElementById("`+id+`").dataset.sum`); got != fmt.Sprint(want) {
			t.Errorf("%s is %s, want %d", id, got, want)
		}
	}
	codes := eval[map[string]string](b, `Object.fromEntries([...document.querySelectorAll("#codes tbody tr")].map(r => [parseInt(r.cells[0].textContent), r.cells[2].dataset.value]))`)
	for code, want := range f.codes {
		if codes[fmt.Sprint(code)] != fmt.Sprint(want) {
			t.Errorf("status %d is shown as %s, want %d", code, codes[fmt.Sprint(code)], want)
		}
	}
	if got := eval[[]string](b, fmt.Sprintf(cells, "servers")); len(got) != 1 || got[0] != "web1" {
		t.Errorf("the servers are %q", got)
	}

	// The charts: the seconds of the history add up to what was fed, and are drawn.
	b.script(`document.querySelector("#chart-requests details").open = true`)
	b.wait("the chart's table", fmt.Sprintf(`[...document.querySelectorAll("#chart-requests tbody td[data-value]")].reduce((n, td) => n + Number(td.dataset.value), 0) === %d`, f.requests))
	if paths := eval[int](b, `document.querySelectorAll("#charts svg path").length`); paths < 10 {
		t.Errorf("%d paths are drawn", paths)
	}
	high := eval[float64](b, `document.querySelector("#chart-requests path.area.c2").getBBox().height`)
	if high < 20 {
		t.Errorf("the chart of requests is %v pixels high", high)
	}
	b.script(`document.querySelector("#chart-requests svg").focus()`)
	b.do(chromedp.KeyEvent(kb.ArrowLeft))
	if text := eval[string](b, `document.querySelector("#chart-requests svg").getAttribute("aria-valuetext")`); !strings.Contains(text, "2xx") || !strings.Contains(text, "5xx") {
		t.Errorf("the chart says %q", text)
	}

	// What clients wrote is text: nothing ran, nothing was loaded.
	for _, list := range []string{"pages", "sessions"} {
		text := eval[string](b, `document.getElementById("`+list+`").textContent`)
		for _, want := range map[string][]string{"pages": {"<img/src=x/onerror=alert(1)>"}, "sessions": {"<script>alert(2)</script>", `\x1b[31m`, `\u202e`}}[list] {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks the text %q: %s", list, want, text)
			}
		}
	}
	if n := eval[int](b, `document.querySelectorAll("img, iframe, script").length`); n != 1 {
		t.Errorf("%d elements that run or load something, want the page's script alone", n)
	}
	b.shoot("light")

	// Sorting and selecting.
	b.do(chromedp.Click(chromedp.CSS(`#pages th button[title="sort by bytes"]`)))
	b.wait("pages by bytes", `document.querySelector("#pages tbody tr").cells[0].textContent.endsWith("/big") && document.querySelector('#pages th[aria-sort] button').title === "sort by bytes"`)
	b.choose("vhost", "shop.example.com")
	b.wait("the numbers of one host", fmt.Sprintf(`document.getElementById("requests").dataset.sum === "%d" && [...document.querySelectorAll("#chart-requests tbody td[data-value]")].reduce((n, td) => n + Number(td.dataset.value), 0) === %d`, f.shop, f.shop))
	b.do(chromedp.Click(chromedp.CSS("#pause")))
	f.feed(10)
	b.do(chromedp.Click(chromedp.CSS("#pause")))
	b.wait("more requests", fmt.Sprintf(`document.getElementById("requests").dataset.sum === "%d"`, f.shop))

	// Both colors, and a telephone.
	b.media("dark")
	dark := eval[string](b, `getComputedStyle(document.body).backgroundColor`)
	b.choose("vhost", "")
	b.wait("all hosts", fmt.Sprintf(`document.getElementById("requests").dataset.sum === "%d"`, f.requests))
	b.shoot("dark")
	b.media("light")
	if light := eval[string](b, `getComputedStyle(document.body).backgroundColor`); light == dark {
		t.Errorf("the background is %s in the light and in the dark", light)
	}
	for _, width := range []int64{1100, 1500, 1920} {
		b.do(chromedp.EmulateViewport(width, 900))
		b.wait("the page's new width", fmt.Sprintf(`document.documentElement.clientWidth === %d`, width))
		// Text that runs over the border of its tile, or a table that is wider than its card.
		over := eval[string](b, `[...document.querySelectorAll(".tile dd, .lists .scroll")].filter((e) => e.scrollWidth > e.clientWidth).map((e) => e.textContent.slice(0, 40)).join("; ")`)
		if over != "" {
			t.Errorf("at %d pixels, this has no room: %s", width, over)
		}
		b.shoot(fmt.Sprint("width", width))
	}
	b.do(chromedp.EmulateViewport(360, 740))
	b.wait("the charts' new width", `document.querySelector("#chart-requests svg").getBoundingClientRect().width < 360`)
	if width := eval[int](b, `document.documentElement.scrollWidth`); width > 360 {
		t.Errorf("the page is %d pixels wide on a telephone of 360", width)
	}
	b.shoot("telephone")
	b.named()

	// The daemon goes away.
	f.daemon.SetDown(true)
	b.wait("the end of the connection", `document.getElementById("state-text").textContent.startsWith("not connected")`)

	if heard := b.heard(); len(heard) > 0 {
		t.Errorf("the browser said %q", heard)
	}
	b.mu.Lock()
	for _, url := range b.requests {
		if !strings.HasPrefix(url, f.url) && !strings.HasPrefix(url, "data:") {
			t.Errorf("the page asks for %s", url)
		}
	}
	b.mu.Unlock()
	b.policyBites()
}

// named holds that all that can be used has a name for those who do not see it.
func (b *browser) named() {
	b.t.Helper()
	nodes := call(b, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{}).Nodes
	seen := make(map[string]int)
	for _, n := range nodes {
		if n.Ignored || n.Role == nil {
			continue
		}
		role := strings.Trim(string(n.Role.Value), `"`)
		switch role {
		case "button", "combobox", "slider", "table", "region", "status":
			seen[role]++
			if role != "status" && (n.Name == nil || string(n.Name.Value) == `""`) {
				b.t.Errorf("a %s has no name", role)
			}
		}
	}
	for role, least := range map[string]int{"button": 10, "combobox": 3, "slider": 4, "table": 6, "status": 1} {
		if seen[role] < least {
			b.t.Errorf("%d of role %s, want %d at least", seen[role], role, least)
		}
	}
}

// policyBites proves that the policy would stop what the script does not let happen.
func (b *browser) policyBites() {
	b.t.Helper()
	if eval[bool](b, `(() => { try { document.body.innerHTML = "<b>x</b>"; return true } catch { return false } })()`) {
		b.t.Error("HTML can be made of text")
	}
	b.script(`
		window.ran = 0;
		const e = document.createElement("div");
		try { e.setAttribute("onclick", "window.ran = 1") } catch {}
		document.body.append(e);
		e.click();
		const i = new Image();
		i.src = "/data?img";
		document.body.append(i);
	`)
	if eval[int](b, `window.ran`) != 0 {
		b.t.Error("a handler in the document ran")
	}
	if heard := b.heard(); len(heard) == 0 {
		b.t.Error("the browser refused nothing")
	}
}
