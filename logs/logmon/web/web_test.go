package web

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/logs/internal/traffic"
	"github.com/spreadd/spreadd/logs/logmon"
	"github.com/spreadd/spreadd/spread"
	"github.com/spreadd/spreadd/spread/spreadtest"
)

// farm is a daemon with a publisher, a monitor, and its page on a real socket.
type farm struct {
	t       *testing.T
	daemon  *spreadtest.Daemon
	monitor *logmon.Monitor
	publish *spread.Conn
	url     string

	requests, bytes, odd, shop int64 // that were fed; shop is of one host
	codes                      map[int]int64
}

func newFarm(t *testing.T) *farm {
	t.Helper()
	d := spreadtest.New("web1")
	t.Cleanup(d.Close)
	m, err := logmon.New(logmon.Config{Groups: []string{"weblogs"}, Dial: func(ctx context.Context, address, name string) (spread.Connection, error) {
		c, err := spread.Dial(ctx, address, spread.WithName(name), spread.WithMembership(true), spread.WithDialer(d.Dial))
		if err != nil {
			return nil, err
		}
		return c, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Listen(t.Context(), "127.0.0.1:0", NewHandler(m, nil), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served, counted := make(chan error, 1), make(chan struct{})
	go func() { served <- s.Serve(ctx) }()
	go func() {
		m.Run(ctx)
		close(counted)
	}()
	t.Cleanup(func() {
		cancel()
		<-counted
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	<-m.Ready()
	p, err := spread.Dial(t.Context(), "4803", spread.WithDialer(d.Dial))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return &farm{t: t, daemon: d, monitor: m, publish: p, url: "http://" + s.Addr().String() + "/", codes: make(map[int]int64)}
}

// hostile are user agents and paths that want to be more than text.
var (
	hostileAgents = []string{"<script>alert(2)</script>", "\x1b[31mred", "a\u202eb", "\x9b2J", "Firefox/140.0", "Firefox/140.0", "curl/8.14"}
	hostilePaths  = []string{"/", "/", "/index.html", "/<img/src=x/onerror=alert(1)>", "/news?id=%3Cb%3E", "/javascript:alert(3)"}
)

// feed sends n requests, and an odd line.
func (f *farm) feed(n int) {
	f.t.Helper()
	send := func(line string) {
		if err := f.publish.Multicast(f.t.Context(), spread.Agreed, 1, []byte(line), "weblogs"); err != nil {
			f.t.Fatal(err)
		}
	}
	for i := range n {
		host, size := "www.example.com:443", int64(1000+i)
		path := hostilePaths[i%len(hostilePaths)]
		if i%3 == 0 {
			host = "Shop.example.com:443"
			f.shop++
		}
		if i%50 == 1 {
			path, size = "/big", 1_000_000
		}
		code := []int{200, 200, 200, 200, 304, 404, 500}[i%7]
		send(fmt.Sprintf("%s 192.0.2.%d - - [21/Nov/2026:12:00:00 +0000] \"GET %s HTTP/1.1\" %d %d \"-\" \"%s\"\n", host, i%20, path, code, size, hostileAgents[i%len(hostileAgents)]))
		f.requests++
		f.bytes += size
		f.codes[code]++
	}
	send("<script>alert(4)</script>\n")
	f.odd++
	if err := f.publish.Flush(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
}

func (f *farm) get(path string, header ...string) (*http.Response, string) {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), http.MethodGet, f.url+path, http.NoBody)
	if err != nil {
		f.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return resp, string(body)
}

// data asks until all that was fed is there.
func (f *farm) data(query string, requests int64) logmon.View {
	f.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		_, body := f.get("data?" + query)
		var v logmon.View
		if err := json.Unmarshal([]byte(body), &v); err != nil {
			f.t.Fatalf("%v: %s", err, body)
		}
		if v.Total.Requests == requests {
			return v
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("%d requests, want %d", v.Total.Requests, requests)
		}
		time.Sleep(10 * time.Millisecond) //house:sleep polls another goroutine by HTTP
	}
}

func TestData(t *testing.T) {
	f := newFarm(t)
	f.feed(70)
	v := f.data("rows=2&pages=bytes", f.requests)
	if v.Total.Bytes != f.bytes || v.OddLines != f.odd || len(v.Pages) != 2 || v.Pages[0].Name != "/big" || len(v.VHosts) != 2 || len(v.Sessions) != 2 {
		t.Errorf("%+v", v)
	}
	v = f.data("vhost=shop.example.com", f.shop)
	if !v.Known || v.VHost != "shop.example.com" {
		t.Errorf("%+v", v)
	}
	if v = f.data("vhost=nobody", 0); v.Known {
		t.Error("nobody is known")
	}
	v = f.data(fmt.Sprintf("since=%d", time.Now().Add(time.Hour).Unix()), f.requests)
	if len(v.History) != 0 {
		t.Errorf("%d points of the future", len(v.History))
	}
}

func TestRefused(t *testing.T) {
	f := newFarm(t)
	for path, want := range map[string]string{
		"data?rows=0":           "want 1 to 200",
		"data?rows=201":         "want 1 to 200",
		"data?rows=x":           "want 1 to 200",
		"data?since=-1":         "want seconds",
		"data?pages=recent":     "want one of",
		"data?sessions=<script": "want one of",
	} {
		resp, body := f.get(path)
		if resp.StatusCode != http.StatusBadRequest || !strings.Contains(body, want) || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") {
			t.Errorf("%s: %d %s, want %q", path, resp.StatusCode, body, want)
		}
	}
	if resp, _ := f.get("other"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("another page: %d", resp.StatusCode)
	}
	resp, err := http.Post(f.url+"data", "text/plain", strings.NewReader("x")) //nolint:noctx // the server ends it
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", resp.StatusCode)
	}
}

// TestHosts: only names that we know are answered.
func TestHosts(t *testing.T) {
	h := NewHandler(newFarm(t).monitor, []string{"Mon.example.com"})
	for host, want := range map[string]int{
		"127.0.0.1:9806": http.StatusOK, "[::1]:9806": http.StatusOK, "192.0.2.1": http.StatusOK, "[::1]": http.StatusOK, "localhost:1": http.StatusOK, "a.localhost": http.StatusOK,
		"mon.example.com": http.StatusOK, "MON.example.com.:80": http.StatusOK,
		"evil.example.com": http.StatusMisdirectedRequest, "": http.StatusMisdirectedRequest, "localhost.example.com": http.StatusMisdirectedRequest, "xmon.example.com": http.StatusMisdirectedRequest,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/data", http.NoBody)
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("host %q: %d, want %d", host, w.Code, want)
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	r.Host = "any.example.com"
	w := httptest.NewRecorder()
	NewHandler(newFarm(t).monitor, []string{"*"}).ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Errorf("with any name: %d", w.Code)
	}
}

// TestHeaders: what keeps browsers from doing what we do not want.
func TestHeaders(t *testing.T) {
	f := newFarm(t)
	resp, body := f.get("")
	policy := resp.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'sha256-", "style-src 'sha256-", "frame-ancestors 'none'", "base-uri 'none'", "require-trusted-types-for 'script'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy lacks %s: %s", want, policy)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
		t.Errorf("the policy is %s", policy)
	}
	for key, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "Content-Type": "text/html; charset=utf-8"} {
		if got := resp.Header.Get(key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	for _, bad := range []string{"http://", "https://", "//cdn", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("} {
		text := strings.ReplaceAll(body, "http://www.w3.org/2000/svg", "") // the name of a language
		if strings.Contains(text, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
	resp, body = f.get("data", "Accept-Encoding", "gzip")
	if resp.Header.Get("Content-Encoding") != "gzip" {
		t.Fatal("data is not compressed")
	}
	z, err := gzip.NewReader(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	var v logmon.View
	if err := json.NewDecoder(z).Decode(&v); err != nil {
		t.Error(err)
	}
}

func TestHealth(t *testing.T) {
	f := newFarm(t)
	if resp, body := f.get("healthz"); resp.StatusCode != http.StatusOK || body != "connected to 4803\n" {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	f.daemon.SetDown(true)
	for deadline := time.Now().Add(time.Minute); ; {
		resp, body := f.get("healthz")
		if resp.StatusCode == http.StatusServiceUnavailable && strings.HasPrefix(body, "not connected to 4803: ") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("without a daemon: %d %s", resp.StatusCode, body)
		}
		time.Sleep(10 * time.Millisecond) //house:sleep polls another goroutine by HTTP
	}
}

// slow is a source that answers when it is told to.
type slow struct {
	came chan struct{}
	gone chan struct{}
}

func (s slow) View(traffic.Query) logmon.View {
	s.came <- struct{}{}
	<-s.gone
	return logmon.View{}
}

// TestBusy: more requests than there is room for are refused.
func TestBusy(t *testing.T) {
	s := slow{make(chan struct{}), make(chan struct{})}
	h := NewHandler(s, []string{"*"})
	ask := func() int {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/data", http.NoBody))
		return w.Code
	}
	codes := make(chan int)
	for range maxRequests {
		go func() { codes <- ask() }()
		<-s.came
	}
	if code := ask(); code != http.StatusServiceUnavailable {
		t.Errorf("request %d: %d", maxRequests+1, code)
	}
	close(s.gone)
	for range maxRequests {
		if code := <-codes; code != http.StatusOK {
			t.Errorf("one of the first: %d", code)
		}
	}
}

func TestListenError(t *testing.T) {
	f := newFarm(t)
	addr := strings.TrimSuffix(strings.TrimPrefix(f.url, "http://"), "/")
	if _, err := Listen(t.Context(), addr, nil, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), addr) {
		t.Errorf("an address that is taken: %v", err)
	}
}
