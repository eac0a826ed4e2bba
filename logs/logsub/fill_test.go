package logsub

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/logs/internal/lineindex"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/archive"
)

// TestFill: of two log hosts one is down for a while, then the other. When each is filled from the other, their files are the
// same to the byte: one file, virtual hosts and hours, with compressed ones among them, that had the agreed time.
func TestFill(t *testing.T) {
	logs := func(dir string) []Log {
		return []Log{
			{Group: "a", File: filepath.Join(dir, "all"), Envelope: EnvelopeIndex},
			{Group: "a", File: filepath.Join(dir, "%{vhost}/%Y-%m-%d-%H.log"), Envelope: EnvelopeIndex, Rewrite: RewriteCommonLog, Keep: Keeping{Compress: archive.Gzip}},
		}
	}
	one, two := t.TempDir(), t.TempDir()
	bubble(t, Config{StatsInterval: -1}, []Log{{Group: "x", File: "x"}}, func(f *farm) {
		start := func(dir string) (stop func()) {
			s, err := New(Config{Dial: dialer(f.daemon), StatsInterval: -1, Connections: []Connection{{Address: "4803", Logs: logs(dir)}}})
			if err != nil {
				f.Fatal(err)
			}
			ctx, cancel := context.WithCancel(f.Context())
			done := make(chan error, 1)
			go func() { done <- s.Run(ctx) }()
			<-s.Ready()
			return func() {
				synctest.Wait()
				cancel()
				if err := <-done; err != nil {
					f.Error(err)
				}
			}
		}
		n := 0
		lines := func(count int) {
			for range count {
				<-time.After(20 * time.Second)
				publisher := n % 3
				line := fmt.Sprintf("www%d 192.0.2.1 - - [%s] \"GET /%d HTTP/1.1\" 200 1\n", n%2, time.Now().Format("02/Jan/2006:15:04:05 -0700"), n)
				f.send(sealed(fmt.Sprint("web", publisher), 1, 0, uint64(n/3), line), "a")
				n++
			}
		}
		stopOne, stopTwo := start(one), start(two)
		lines(300)
		stopOne()
		lines(500) // almost three hours
		stopOne = start(one)
		lines(100)
		stopTwo()
		lines(250)
		stopTwo = start(two)
		lines(100)
		stopOne()
		stopTwo()
	})
	a, b := logFiles(t, one), logFiles(t, two)
	if maps.Equal(a, b) {
		t.Fatal("nothing is missing")
	}
	for _, dirs := range [][2]string{{one, two}, {two, one}} {
		sum, err := lineindex.Fill(lineindex.OSDir(dirs[0]), lineindex.OSDir(dirs[1]), func(f *lineindex.Finding) { t.Error(f) })
		if err != nil || sum.Lines == 0 || sum.Left != 0 {
			t.Fatalf("%+v, %v", sum, err)
		}
	}
	a, b = logFiles(t, one), logFiles(t, two)
	if len(a) < 10 || len(a) != len(b) {
		t.Errorf("%d and %d files", len(a), len(b))
	}
	for name := range a {
		if a[name] != b[name] {
			t.Errorf("%s differs: %d and %d bytes", name, len(a[name]), len(b[name]))
		}
	}
	if n := strings.Count(a["/all"], "\n"); n != 1250 {
		t.Errorf("%d lines", n)
	}
	for _, dir := range []string{one, two} {
		if sum := verify(t, dir); sum.Lines != 2500 || len(sum.Missing) > 0 {
			t.Errorf("%+v", sum)
		}
	}
}

// logFiles are the contents of log files below a directory, by their plain names.
func logFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	m := make(map[string]string)
	for name, text := range contents(t, dir) {
		if filepath.Base(name)[0] != '.' {
			m[strings.TrimSuffix(name, ".gz")] += text
		}
	}
	return m
}
