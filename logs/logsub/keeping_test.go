package logsub

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/spreadd/spreadd/logs/internal/sink/filesink"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/archive"
)

// unpack returns the content of a compressed file.
func unpack(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // it is only read
	var b bytes.Buffer
	if strings.HasSuffix(path, ".gz") {
		r, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.ReadFrom(r)
		if err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	r, err := zstd.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := b.ReadFrom(r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestCutBySize: files are cut between two messages, where both log hosts cut
// them, and compressed; numbers go on where they were.
func TestCutBySize(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "log.000007.gz"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := Config{StatsInterval: -1}
	logs := []Log{{Group: "a", File: filepath.Join(dir, "log"), Keep: Keeping{Size: 20, Compress: archive.Gzip}}}
	bubble(t, cfg, logs, func(f *farm) {
		f.dir = dir
		for i := range 7 {
			f.send(fmt.Sprintf("line %d\n", i), "a") // 7 bytes
		}
		f.send(strings.Repeat("x", 30)+"\n", "a") // longer than a file
		f.send("last\n", "a")
		f.want("log", "last\n")
		want := []string{"line 0\nline 1\n", "line 2\nline 3\n", "line 4\nline 5\n", "line 6\n", strings.Repeat("x", 30) + "\n"}
		for i, content := range want {
			path := filepath.Join(dir, fmt.Sprintf("log.%06d.gz", 8+i))
			if got := unpack(f.T, path); got != content {
				f.Errorf("%s has %q, want %q", path, got, content)
			}
		}
		if st := f.sub.Stats().Archives; st.Compressed != 5 {
			f.Errorf("counters are %+v", st)
		}
	})
}

// TestDays: the files of a day that is over are compressed, whether they are open or not,
// and old ones are removed.
func TestDays(t *testing.T) {
	cfg := Config{OpenFiles: 2}
	logs := []Log{{Group: "a", File: "%{vhost}/%d.log", Keep: Keeping{Compress: archive.Zstd, Count: 2}}}
	bubble(t, cfg, logs, func(f *farm) {
		// The bubble's clock begins with the year 2000, and files get their
		// times from another, so lines are what counts.
		for day := 1; day <= 4; day++ {
			<-time.After(24 * time.Hour)
			for i := range 5 {
				line := fmt.Sprintf("[%02d/Jan/2000:00:00:00 +0000] %d\n", day, i)
				f.send(fmt.Sprintf("h%d %s", i, line), "a")
				f.want(fmt.Sprintf("h%d/%02d.log", i, day), line)
			}
			<-time.After(time.Minute)
			synctest.Wait()
		}
		for i := range 5 {
			names, err := filepath.Glob(filepath.Join(f.dir, fmt.Sprintf("h%d", i), "*"))
			if err != nil || len(names) != 3 {
				f.Fatalf("%v, %v", names, err)
			}
			for _, day := range []int{2, 3} {
				if got := unpack(f.T, filepath.Join(f.dir, fmt.Sprintf("h%d/%02d.log.zst", i, day))); got != fmt.Sprintf("[%02d/Jan/2000:00:00:00 +0000] %d\n", day, i) {
					f.Errorf("day %d of host %d is %q", day, i, got)
				}
			}
		}
		if st := f.sub.Stats().Archives; st.Compressed != 15 || st.Removed != 5 || st.Errors != 0 {
			f.Errorf("counters are %+v", st)
		}
	})
}

// TestIdle: an idle file gives up its descriptor.
func TestIdle(t *testing.T) {
	bubble(t, Config{}, []Log{{Group: "a", File: "%{vhost}"}}, func(f *farm) {
		f.send("www one\n", "a")
		<-time.After(filesink.IdleClose - 2*time.Second)
		f.send("ftp two\n", "a")
		<-time.After(time.Minute)
		synctest.Wait()
		if n := len(f.sub.Stats().Files); n != 1 {
			f.Errorf("%d files are open, want that of ftp", n)
		}
		f.send("www three\n", "a")
		f.want("www", "one\nthree\n")
	})
}

// TestFlushDelay: lines wait for others, until there are enough or the delay is
// over.
func TestFlushDelay(t *testing.T) {
	cfg := Config{FlushDelay: 5 * time.Second, BatchBytes: 20}
	bubble(t, cfg, []Log{{Group: "a", File: "a.log"}}, func(f *farm) {
		f.send("one\n", "a")
		f.want("a.log", "")
		<-time.After(5*time.Second + time.Millisecond)
		synctest.Wait()
		f.want("a.log", "one\n")
		f.send("two\n", "a")
		f.send("three and more\n", "a")
		f.want("a.log", "one\n")
		f.send("x\n", "a")
		f.want("a.log", "one\ntwo\nthree and more\nx\n")
		f.send("last\n", "a")
		if err := f.end(); err != nil {
			f.Error(err)
		}
		f.want("a.log", "one\ntwo\nthree and more\nx\nlast\n")
	})
}

func TestKeepingErrors(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct {
		cfg  Config
		logs []Log
		want string
	}{
		{Config{}, []Log{{Group: "a", File: dir + "/a", Keep: Keeping{Count: 3}}}, "never closed"},
		{Config{}, []Log{{Group: "a", File: dir + "/a", Keep: Keeping{Size: -1}}}, "must not be negative"},
		{Config{NoLock: true}, []Log{{Group: "a", File: dir + "/%Y", Keep: Keeping{Compress: archive.Gzip}}}, "not locked"},
		{Config{}, []Log{{Group: "a", File: dir + "/a", Keep: Keeping{Size: 1}}, {Group: "b", File: dir + "/x/../a"}}, "two logs have it, and differ"},
	} {
		tt.cfg.Connections = []Connection{{Address: "4803", Logs: tt.logs}}
		if err := tt.cfg.Check(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v, want %q", err, tt.want)
		}
	}
}

// TestSharedTemplate: two groups share the files of a template. That the one is in
// the new day already costs no line of the other, and compresses nothing too
// early.
func TestSharedTemplate(t *testing.T) {
	keep := Keeping{Compress: archive.Gzip}
	logs := []Log{{Group: "a", File: "log-%d", Keep: keep}, {Group: "b", File: "log-%d", Keep: keep}}
	bubble(t, Config{OpenFiles: 1}, logs, func(f *farm) {
		f.send("[01/Jan/2000:00:00:01 +0000] a\n", "a")
		f.send("[01/Jan/2000:00:00:01 +0000] b\n", "b")
		f.send("[02/Jan/2000:00:00:01 +0000] not believed\n", "a")
		<-time.After(24 * time.Hour)
		now := time.Now()
		if err := os.Chtimes(filepath.Join(f.dir, "log-01"), now, now); err != nil {
			f.Fatal(err) // files do not have the bubble's time
		}
		f.send("[02/Jan/2000:00:00:01 +0000] a\n", "a")
		f.send("[01/Jan/2000:23:59:59 +0000] b\n", "b")
		if err := os.Chtimes(filepath.Join(f.dir, "log-01"), now, now); err != nil {
			f.Fatal(err)
		}
		<-time.After(time.Minute)
		synctest.Wait()
		f.want("log-01", "[01/Jan/2000:00:00:01 +0000] a\n[01/Jan/2000:00:00:01 +0000] b\n[02/Jan/2000:00:00:01 +0000] not believed\n[01/Jan/2000:23:59:59 +0000] b\n")
		f.send("[02/Jan/2000:00:00:02 +0000] b\n", "b")
		f.want("log-02", "[02/Jan/2000:00:00:01 +0000] a\n[02/Jan/2000:00:00:02 +0000] b\n")
		<-time.After(2 * filesink.IdleClose)
		synctest.Wait()
		if _, err := os.Stat(filepath.Join(f.dir, "log-01.gz")); err != nil {
			f.Error("yesterday's file is not compressed")
		}
	})
}
