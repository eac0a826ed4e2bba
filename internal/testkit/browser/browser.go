package browser

import (
	"context"
	"flag"
	"fmt"
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

	"github.com/spreadd/spreadd/internal/testkit/testskip"
)

var screenshots = flag.String("screenshots", "", "write pictures of the page to this `directory`")

// Browser is a real one, with what it complained of.
type Browser struct {
	t   testing.TB
	ctx context.Context

	mu         sync.Mutex
	complaints []string
	requests   []string
}

// Open starts a browser, or skips the test where no browser is installed.
func Open(t testing.TB) *Browser {
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
	b := &Browser{t: t, ctx: ctx}
	call(b, network.Enable, network.EnableParams{})
	call(b, cdplog.Enable, cdp.Empty{})
	call(b, page.Enable, page.EnableParams{})
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		t.Fatal(err)
	}
	return b
}

// call calls a command of the browser's protocol.
func call[P, R any](b *Browser, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	r, err := chromedp.Call(b.ctx, command, params)
	if err != nil {
		b.t.Fatalf("%s: %v", command.Method, err)
	}
	return r
}

// hear collects what a user would find in the console, and what is fetched.
func (b *Browser) hear(event any) {
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

// Heard returns the complaints so far, and forgets them.
func (b *Browser) Heard() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.complaints
	b.complaints = nil
	return all
}

// Do runs actions.
func (b *Browser) Do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatalf("%v; the browser said %q", err, b.Heard())
	}
}

// Wait waits until an expression is true.
func (b *Browser) Wait(what, expression string) {
	b.t.Helper()
	for deadline := time.Now().Add(time.Minute); !Eval[bool](b, "Boolean("+expression+")"); {
		if time.Now().After(deadline) {
			b.t.Fatalf("waiting for %s; the browser said %q, the page is\n%s", what, b.Heard(), Eval[string](b, "document.body.innerText"))
		}
		time.Sleep(50 * time.Millisecond) //house:sleep polls a browser, which is another process
	}
}

// Eval returns the value of an expression.
func Eval[T any](b *Browser, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("%s: %v; the browser said %q", expression, err, b.Heard())
	}
	return v
}

// Script runs statements.
func (b *Browser) Script(statements string) {
	b.t.Helper()
	Eval[bool](b, "(() => {"+statements+"; return true})()")
}

// Media makes the browser's user like the light or the dark.
func (b *Browser) Media(scheme string) {
	b.t.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
}

// Shooting reports whether pictures are wanted.
func Shooting() bool { return *screenshots != "" }

// Shoot takes a picture, if that is asked for.
func (b *Browser) Shoot(name string) {
	b.t.Helper()
	if !Shooting() {
		return
	}
	picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Fatal(err)
	}
	if picture, err = small(picture); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*screenshots, name+".png"), picture, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// OnlyAsks holds that the page makes requests to one server only.
func (b *Browser) OnlyAsks(server string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, url := range b.requests {
		if !strings.HasPrefix(url, server) && !strings.HasPrefix(url, "data:") {
			b.t.Errorf("the page asks for %s", url)
		}
	}
}

// Named holds that all that can be used has a name for those who do not see it, and that there are at
// least so many of each role.
func (b *Browser) Named(least map[string]int) {
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
	for role, n := range least {
		if seen[role] < n {
			b.t.Errorf("%d of role %s, want %d at least", seen[role], role, n)
		}
	}
}

// PolicyBites proves that the policy would stop what the script does not let happen. image is the path of
// anything that could be loaded.
func (b *Browser) PolicyBites(image string) {
	b.t.Helper()
	if Eval[bool](b, `(() => { try { document.body.innerHTML = "<b>x</b>"; return true } catch { return false } })()`) {
		b.t.Error("HTML can be made of text")
	}
	b.Script(`
		window.ran = 0;
		const e = document.createElement("div");
		try { e.setAttribute("onclick", "window.ran = 1") } catch {}
		document.body.append(e);
		e.click();
		const i = new Image();
		i.src = "` + image + `";
		document.body.append(i);
	`)
	if Eval[int](b, `window.ran`) != 0 {
		b.t.Error("a handler in the document ran")
	}
	if heard := b.Heard(); len(heard) == 0 {
		b.t.Error("the browser refused nothing")
	}
}
