package logsub

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/logs/internal/logline"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/archive"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logpath"
)

// contents returns all files below a directory, with their contents, unpacked.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	m := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name := strings.TrimPrefix(path, dir)
		if strings.HasSuffix(path, ".zst") || strings.HasSuffix(path, ".gz") {
			m[name] = unpack(t, path)
		} else {
			m[name] = read(t, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestIdentical: two log hosts with one configuration, whose clocks are hours apart, write
// the same files: virtual hosts, days, cuts by size, filters, samples, rewritten times, and
// what is compressed and removed. One of them closes its files more often than the other.
func TestIdentical(t *testing.T) {
	logs := func(dir string) []Log {
		return []Log{
			{Group: "a", File: filepath.Join(dir, "all"), Keep: Keeping{Size: 5000}},
			{Group: "a", File: filepath.Join(dir, "%{vhost}/%Y-%m-%d-%H.log"), Rewrite: RewriteCommonLog, Keep: Keeping{Size: 3000, Compress: archive.Zstd}},
			{Group: "b", File: filepath.Join(dir, "sample-%{group}-%{user}"), Filter: logline.Rules{Sample: 0.3}, Rewrite: "%s"},
			{Group: "b", File: filepath.Join(dir, "errors"), VHost: logline.VHostKeep, Filter: logline.Rules{Keep: []logline.Condition{{Status: []logline.Status{{First: 500, Last: 599}}}}}},
		}
	}
	other := t.TempDir()
	mine := t.TempDir()
	bubble(t, Config{StatsInterval: -1}, logs(mine), func(f *farm) {
		began := time.Now()
		second, err := New(Config{
			Dial: dialer(f.daemon), StatsInterval: -1, OpenFiles: 1,
			Now:         func() time.Time { return time.Now().Add(3*time.Hour + time.Since(began)/2) },
			Connections: []Connection{{Address: "4803", Logs: logs(other)}},
		})
		if err != nil {
			f.Fatal(err)
		}
		ctx, cancel := context.WithCancel(f.Context())
		done := make(chan error, 1)
		go func() { done <- second.Run(ctx) }()
		<-second.Ready()
		r := rand.New(rand.NewPCG(1, 2))
		for range 2000 {
			<-time.After(time.Duration(r.IntN(20)) * time.Second)
			// Web servers' clocks differ, too.
			at := time.Now().Add(time.Duration(r.IntN(20)-15) * time.Second)
			line := fmt.Sprintf("www%d 192.0.2.%d - - [%s] \"GET /%d HTTP/1.1\" %d %d\n",
				r.IntN(7), r.IntN(9), at.Format("02/Jan/2006:15:04:05 -0700"), r.IntN(99), 200+100*r.IntN(4), r.IntN(9999))
			f.send(line, []string{"a", "b"}[r.IntN(2)])
		}
		<-time.After(time.Hour + time.Minute)
		synctest.Wait()
		cancel()
		if err := <-done; err != nil {
			f.Error(err)
		}
		if err := f.end(); err != nil {
			f.Error(err)
		}
		a, b := contents(f.T, mine), contents(f.T, other)
		if len(a) < 30 {
			f.Errorf("only %d files", len(a))
		}
		compressed, cut := 0, 0
		for name, content := range a {
			if got, ok := b[name]; !ok || got != content {
				f.Errorf("%s differs: %d and %d bytes", name, len(content), len(got))
			}
			if strings.HasSuffix(name, ".zst") {
				compressed++
			}
			if strings.Contains(name, ".0000") {
				cut++
			}
		}
		if len(b) != len(a) || compressed < 20 || cut < 10 {
			f.Errorf("%d and %d files, %d compressed, %d cut by size", len(a), len(b), compressed, cut)
		}
		if names, err := os.ReadDir(mine); err != nil || slices.ContainsFunc(names, func(e os.DirEntry) bool { return e.Name() == logpath.NoName }) {
			f.Errorf("lines without virtual host: %v, %v", names, err)
		}
	})
}
