package web

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/spreadd/spreadd/internal/testkit/browser"
)

// choose chooses a value of a selection, as a user does.
func choose(b *browser.Browser, id, value string) {
	b.Script(fmt.Sprintf(`const s = document.getElementById(%q); s.value = %q; s.dispatchEvent(new Event("change"))`, id, value))
}

// cells are the first cells of a list.
const cells = `[...document.querySelectorAll("#%s tbody tr")].map(r => r.cells[0].textContent)`

// TestBrowser feeds lines through a daemon, opens the page in a real browser, and compares what it
// shows with what was fed.
func TestBrowser(t *testing.T) {
	b := browser.Open(t)
	f := newFarm(t)
	f.feed(200)
	for i := range 60 {
		if !browser.Shooting() {
			break
		}
		f.feed(30 + int(20*math.Sin(float64(i)/6)) + i%5) // so that there is something to see
		time.Sleep(time.Second)                           //house:sleep a picture of a minute takes a minute
	}
	b.Do(chromedp.Navigate(f.url))
	b.Wait("the requests that were fed", fmt.Sprintf(`document.getElementById("requests")?.dataset.sum === "%d"`, f.requests))

	// The numbers.
	for id, want := range map[string]int64{"bandwidth": f.bytes, "client-errors": f.codes[404], "server-errors": f.codes[500], "odd": f.odd} {
		if got := browser.Eval[string](b, `document.getElementById("`+id+`").dataset.sum`); got != fmt.Sprint(want) {
			t.Errorf("%s is %s, want %d", id, got, want)
		}
	}
	codes := browser.Eval[map[string]string](b, `Object.fromEntries([...document.querySelectorAll("#codes tbody tr")].map(r => [parseInt(r.cells[0].textContent), r.cells[2].dataset.value]))`)
	for code, want := range f.codes {
		if codes[fmt.Sprint(code)] != fmt.Sprint(want) {
			t.Errorf("status %d is shown as %s, want %d", code, codes[fmt.Sprint(code)], want)
		}
	}
	if got := browser.Eval[[]string](b, fmt.Sprintf(cells, "servers")); len(got) != 1 || got[0] != "web1" {
		t.Errorf("the servers are %q", got)
	}

	// The charts: the seconds of the history add up to what was fed, and are drawn.
	b.Script(`document.querySelector("#chart-requests details").open = true`)
	b.Wait("the chart's table", fmt.Sprintf(`[...document.querySelectorAll("#chart-requests tbody td[data-value]")].reduce((n, td) => n + Number(td.dataset.value), 0) === %d`, f.requests))
	if paths := browser.Eval[int](b, `document.querySelectorAll("#charts svg path").length`); paths < 10 {
		t.Errorf("%d paths are drawn", paths)
	}
	high := browser.Eval[float64](b, `document.querySelector("#chart-requests path.area.c2").getBBox().height`)
	if high < 20 {
		t.Errorf("the chart of requests is %v pixels high", high)
	}
	b.Script(`document.querySelector("#chart-requests svg").focus()`)
	b.Do(chromedp.KeyEvent(kb.ArrowLeft))
	if text := browser.Eval[string](b, `document.querySelector("#chart-requests svg").getAttribute("aria-valuetext")`); !strings.Contains(text, "2xx") || !strings.Contains(text, "5xx") {
		t.Errorf("the chart says %q", text)
	}

	// What clients wrote is text: nothing ran, nothing was loaded.
	for _, list := range []string{"pages", "sessions"} {
		text := browser.Eval[string](b, `document.getElementById("`+list+`").textContent`)
		for _, want := range map[string][]string{"pages": {"<img/src=x/onerror=alert(1)>"}, "sessions": {"<script>alert(2)</script>", `\x1b[31m`, `\u202e`}}[list] {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks the text %q: %s", list, want, text)
			}
		}
	}
	if n := browser.Eval[int](b, `document.querySelectorAll("img, iframe, script").length`); n != 1 {
		t.Errorf("%d elements that run or load something, want the page's script alone", n)
	}
	b.Shoot("light")

	// Sorting and selecting.
	b.Do(chromedp.Click(chromedp.CSS(`#pages th button[title="sort by bytes"]`)))
	b.Wait("pages by bytes", `document.querySelector("#pages tbody tr").cells[0].textContent.endsWith("/big") && document.querySelector('#pages th[aria-sort] button').title === "sort by bytes"`)
	choose(b, "vhost", "shop.example.com")
	b.Wait("the numbers of one host", fmt.Sprintf(`document.getElementById("requests").dataset.sum === "%d" && [...document.querySelectorAll("#chart-requests tbody td[data-value]")].reduce((n, td) => n + Number(td.dataset.value), 0) === %d`, f.shop, f.shop))
	b.Do(chromedp.Click(chromedp.CSS("#pause")))
	f.feed(10)
	b.Do(chromedp.Click(chromedp.CSS("#pause")))
	b.Wait("more requests", fmt.Sprintf(`document.getElementById("requests").dataset.sum === "%d"`, f.shop))

	// Both colors, and a telephone.
	b.Media("dark")
	dark := browser.Eval[string](b, `getComputedStyle(document.body).backgroundColor`)
	choose(b, "vhost", "")
	b.Wait("all hosts", fmt.Sprintf(`document.getElementById("requests").dataset.sum === "%d"`, f.requests))
	b.Shoot("dark")
	b.Media("light")
	if light := browser.Eval[string](b, `getComputedStyle(document.body).backgroundColor`); light == dark {
		t.Errorf("the background is %s in the light and in the dark", light)
	}
	for _, width := range []int64{1100, 1500, 1920} {
		b.Do(chromedp.EmulateViewport(width, 900))
		b.Wait("the page's new width", fmt.Sprintf(`document.documentElement.clientWidth === %d`, width))
		// Text that runs over the border of its tile, or a table that is wider than its card, also with a
		// name that has no room.
		over := browser.Eval[string](b, `document.querySelectorAll("#vhosts tbody button, #servers tbody th").forEach((e) => { e.textContent = "a-long-name.of-some-department.example.net"; }), [...document.querySelectorAll(".tile dd, .lists .scroll")].filter((e) => e.scrollWidth > e.clientWidth).map((e) => e.textContent.slice(0, 40)).join("; ")`)
		if over != "" {
			t.Errorf("at %d pixels, this has no room: %s", width, over)
		}
		b.Shoot(fmt.Sprint("width", width))
	}
	b.Do(chromedp.EmulateViewport(360, 740))
	b.Wait("the charts' new width", `document.querySelector("#chart-requests svg").getBoundingClientRect().width < 360`)
	if width := browser.Eval[int](b, `document.documentElement.scrollWidth`); width > 360 {
		t.Errorf("the page is %d pixels wide on a telephone of 360", width)
	}
	b.Shoot("telephone")
	b.Named(map[string]int{"button": 10, "combobox": 3, "slider": 4, "table": 6, "status": 1})

	// The daemon goes away.
	f.daemon.SetDown(true)
	b.Wait("the end of the connection", `document.getElementById("state-text").textContent.startsWith("not connected")`)

	if heard := b.Heard(); len(heard) > 0 {
		t.Errorf("the browser said %q", heard)
	}
	b.OnlyAsks(f.url)
	b.PolicyBites("/data?img")
}
