package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/flags/flagstest"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/logs/logmon"
	"github.com/spreadd/spreadd/spread"
	"github.com/spreadd/spreadd/spread/spreadtest"
)

func TestUsage(t *testing.T) {
	for _, tt := range []struct {
		args           string
		status         int
		stdout, stderr string
	}{
		{"-h", flags.OK, "Usage: logmon", ""},
		{"-V", flags.OK, "logmon ", ""},
		{"-version", flags.OK, "logmon ", ""},
		{"", flags.Misuse, "", "-g GROUP"},
		{"-g", flags.Misuse, "", "-g"},
		{"-g a b", flags.Misuse, "", `unexpected argument "b"`},
		{"-g a -s x", flags.Misuse, "", `"x"`},
		{"-g a -vhost last", flags.Misuse, "", "want auto, first or none"},
		{"-g a -json -plain", flags.Misuse, "", "exclude each other"},
		{"-g a -once -quiet", flags.Misuse, "", "-once prints"},
		{"-g a -interval 1ms", flags.Misuse, "", "want 1s at least"},
		{"-g a -rows -1", flags.Misuse, "", "want a number from 0 to"},
		{"-g a -web 80x", flags.Misuse, "", "is not an address with a port"},
		{"-g a -metrics 80x", flags.Misuse, "", "is not an address with a port"},
		{"-g a -web-name x", flags.Misuse, "", "-web-name needs -web"},
		{"-g a -session 1s", flags.Failed, "", "session time-out 1s: want 10s to 24h"},
	} {
		var stdout, stderr bytes.Buffer
		status := run(t.Context(), strings.Fields(tt.args), strings.NewReader(""), &stdout, &stderr)
		if status != tt.status || !strings.Contains(stdout.String(), tt.stdout) || !strings.Contains(stderr.String(), tt.stderr) || (tt.stderr == "") != (stderr.Len() == 0) {
			t.Errorf("%s: status %d, %q, %q; want %d, %q, %q", tt.args, status, stdout.String(), stderr.String(), tt.status, tt.stdout, tt.stderr)
		}
	}
}

func TestFlags(t *testing.T) {
	o, err := parse([]string{"-g", "a"})
	if err != nil {
		t.Fatal(err)
	}
	flagstest.Check(t, o.set, "../../../docs/flags.md", "logs/logmon/cli")
}

// farm is a daemon on a real socket, with a publisher.
type farm struct {
	address string
	publish *spread.Conn
	daemon  *spreadtest.Daemon
}

func newFarm(t *testing.T) *farm {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := spreadtest.New("web1")
	served := make(chan error, 1)
	go func() { served <- d.Serve(l) }()
	t.Cleanup(func() {
		d.Close()
		_ = l.Close()
		<-served
	})
	f := &farm{address: fmt.Sprintf("%d@127.0.0.1", l.Addr().(*net.TCPAddr).Port), daemon: d}
	f.publish, err = spread.Dial(t.Context(), f.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.publish.Close() })
	return f
}

func (f *farm) send(t *testing.T, n int) {
	t.Helper()
	for range n {
		line := "www.example.com:80 10.0.0.1 - - [21/Nov/2026:12:00:00 +0000] \"GET /index.html HTTP/1.1\" 200 1000 \"-\" \"curl\"\n"
		if err := f.publish.Multicast(t.Context(), spread.Agreed, 1, []byte(line), "weblogs"); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.publish.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// start runs the program in the background.
func (f *farm) start(t *testing.T, args string) (stdout, stderr *testkit.Output, end func() int) {
	t.Helper()
	stdout, stderr = new(testkit.Output), new(testkit.Output)
	ctx, cancel := context.WithCancel(t.Context())
	status := make(chan int, 1)
	go func() {
		status <- run(ctx, strings.Fields("-g weblogs -s "+f.address+" "+args), strings.NewReader(""), stdout, stderr)
	}()
	var once sync.Once
	result := 0
	end = func() int {
		once.Do(func() {
			cancel()
			result = <-status
		})
		return result
	}
	t.Cleanup(func() { end() })
	return stdout, stderr, end
}

func TestPlain(t *testing.T) {
	f := newFarm(t)
	stdout, stderr, end := f.start(t, "-interval 1s")
	stderr.Wait(t, "msg=joined")
	f.send(t, 7)
	if rest := stdout.Wait(t, " requests 7 "); !strings.HasPrefix(rest, "bytes 7000 odd 0") {
		t.Errorf("the line goes on with %q", rest)
	}
	if status := end(); status != flags.OK {
		t.Errorf("status %d: %s", status, stderr)
	}
}

// TestJSON also holds that there is one object a line.
func TestJSON(t *testing.T) {
	f := newFarm(t)
	stdout, stderr, _ := f.start(t, "-json -interval 1s -host www.example.com -rows 1")
	stderr.Wait(t, "msg=joined")
	f.send(t, 5)
	stdout.Wait(t, `"requests":5`)
	for s := bufio.NewScanner(strings.NewReader(stdout.String())); s.Scan(); {
		var v logmon.View
		if err := json.Unmarshal(s.Bytes(), &v); err != nil {
			t.Errorf("%v: %s", err, s.Bytes())
		}
		if v.VHost != "www.example.com" || v.Total.Requests == 5 && (len(v.Pages) != 1 || v.Pages[0].Name != "/index.html") {
			t.Errorf("%s", s.Bytes())
		}
	}
}

func TestOnce(t *testing.T) {
	f := newFarm(t)
	stdout, stderr, end := f.start(t, "-once -interval 1s")
	stderr.Wait(t, "msg=joined")
	f.send(t, 3)
	stdout.Wait(t, "weblogs  ") // the last list
	for _, want := range []string{"3 requests  3.0 kB", "200 OK", "web1", "www.example.com", "/index.html", "10.0.0.1"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, stdout)
		}
	}
	if status := end(); status != flags.OK {
		t.Errorf("status %d", status)
	}
}

// TestOnceAlone: without a daemon there is nothing to report.
func TestOnceAlone(t *testing.T) {
	f := newFarm(t)
	f.daemon.SetDown(true)
	var stderr bytes.Buffer
	if status := run(t.Context(), strings.Fields("-g weblogs -once -interval 1s -s "+f.address), strings.NewReader(""), io.Discard, &stderr); status != flags.Failed || !strings.Contains(stderr.String(), "no groups joined") {
		t.Errorf("status %d, %s", status, stderr.String())
	}
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// TestServe: page and metrics each on its address, and both on one.
func TestServe(t *testing.T) {
	f := newFarm(t)
	for _, args := range []string{"-web 127.0.0.1:0 -metrics 127.0.0.1:0", "-web 127.0.0.1:0 -metrics localhost:0"} {
		stdout, stderr, end := f.start(t, args)
		stderr.Wait(t, "msg=joined")
		f.send(t, 2)
		metrics := stderr.Wait(t, `msg="serving metrics" address=`)
		page := metrics
		if strings.Contains(args, "localhost") {
			page = stderr.Wait(t, `msg="serving the page" address=`)
			if status, index := get(t, "http://"+metrics+"/"); status != http.StatusOK || !strings.Contains(index, `<a href="http://`+page+`/">`) {
				t.Errorf("the index of the metrics does not link the page: %d %s", status, index)
			}
		}
		if status, body := get(t, "http://"+page+"/"); status != http.StatusOK || !strings.Contains(body, "<title>logmon</title>") {
			t.Errorf("%s: the page is %d %s", args, status, body)
		}
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) { //house:sleep polls by HTTP
			status, data := get(t, "http://"+page+"/data")
			_, text := get(t, "http://"+metrics+"/metrics")
			if status == http.StatusOK && strings.Contains(data, `"requests":2`) && strings.Contains(text, `logmon_requests_total{code="200"} 2`) {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: %d %s", args, status, data)
			}
		}
		if status := end(); status != flags.OK || stdout.String() != "" {
			t.Errorf("%s: status %d, and it printed %q", args, status, stdout)
		}
	}
}

// TestTaken: an address in use is an error at once.
func TestTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	for _, flag := range []string{"-web", "-metrics"} {
		var stderr bytes.Buffer
		if status := run(t.Context(), []string{"-g", "a", flag, l.Addr().String()}, strings.NewReader(""), io.Discard, &stderr); status != flags.Failed || !strings.Contains(stderr.String(), l.Addr().String()) {
			t.Errorf("%s: status %d, %s", flag, status, stderr.String())
		}
	}
}

// TestScreenWithoutTerminal: without keys there is no screen, and the error says what to do.
func TestScreenWithoutTerminal(t *testing.T) {
	in, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	var stdout, stderr strings.Builder
	status := run(t.Context(), strings.Fields("-screen -g weblogs -s 1"), in, &stdout, &stderr)
	if got := stderr.String(); status != flags.Failed || !strings.Contains(got, "standard input is not a terminal") || !strings.Contains(got, "-plain") || stdout.Len() > 0 {
		t.Errorf("status %d, %q and %q", status, &stdout, got)
	}
}

// TestScreen: the screen on a pipe, which -screen forces.
func TestScreen(t *testing.T) {
	f := newFarm(t)
	in, keys := io.Pipe()
	stdout, stderr := new(testkit.Output), new(testkit.Output)
	status := make(chan int, 1)
	go func() {
		status <- run(t.Context(), strings.Fields("-screen -g weblogs -s "+f.address), in, stdout, stderr)
	}()
	stderr.Wait(t, "msg=joined")
	if _, err := keys.Write([]byte("q")); err != nil {
		t.Fatal(err)
	}
	if s := <-status; s != flags.OK {
		t.Errorf("status %d: %s", s, stderr)
	}
}
