package logsub

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/logs/internal/logline"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logfile"
)

// descriptors returns how many of the process's lead to paths with a prefix.
func (f *farm) descriptors(prefix string) int {
	f.Helper()
	if runtime.GOOS != "linux" {
		return 0
	}
	const dir = "/proc/self/fd"
	entries, err := os.ReadDir(dir)
	if err != nil {
		f.Fatal(err)
	}
	n := 0
	for _, e := range entries {
		if to, err := os.Readlink(filepath.Join(dir, e.Name())); err == nil && strings.HasPrefix(to, prefix) {
			n++
		}
	}
	return n
}

func TestVHostFiles(t *testing.T) {
	logs := []Log{{Group: "a", File: "%{vhost}.log"}, {Group: "a", File: "%{group}-%{user}@%{host}", VHost: logline.VHostKeep}}
	bubble(t, Config{}, logs, func(f *farm) {
		f.send("www.example.com one\n", "a")
		f.send("ab two\n", "a")
		f.send("ba three\n", "a")
		f.send("ab four\nnot split\n", "a") // spreadlogd died of anagrams
		f.send("../escape five\n", "a")
		f.send(" six\n", "a")
		f.send("seven\nx y\n", "a")
		f.want("www.example.com.log", "one\n")
		f.want("ab.log", "two\nfour\nnot split\n")
		f.want("ba.log", "three\n")
		f.want("%2E.%2Fescape.log", "five\n")
		f.want("_none.log", " six\nseven\nx y\n")
		f.want("a-pub@alpha", "www.example.com one\nab two\nba three\nab four\nnot split\n../escape five\n six\nseven\nx y\n")
		entries, err := os.ReadDir(filepath.Dir(f.dir))
		if err != nil || len(entries) != 1 {
			f.Errorf("something has left the directory: %v, %v", entries, err)
		}
	})
}

// TestCleanVHosts: one host in several spellings is one file, and its lines have one spelling.
func TestCleanVHosts(t *testing.T) {
	bubble(t, Config{}, []Log{{Group: "a", File: "%{vhost}.log", VHost: logline.VHostClean}}, func(f *farm) {
		f.send("WWW.a.example:80 one\n", "a")
		f.send("www.A.example. two\n", "a")
		f.send("www.a.example three\n", "a")
		f.send("four\n", "a")
		f.want("www.a.example.log", "www.a.example one\nwww.a.example two\nwww.a.example three\n")
		f.want("_none.log", "four\n")
	})
}

// TestTimeFiles: the agreed time decides on the file, whatever the clock of this
// host says, and never goes back.
func TestTimeFiles(t *testing.T) {
	logs := []Log{
		{Group: "a", File: "agreed/%Y/%m/%d/log"},
		{Group: "a", File: "line-%d-%H", Clock: ClockLine},
		{Group: "a", File: "receipt-%Y", Clock: ClockReceipt},
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "agreed"), 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range logs {
		logs[i].File = filepath.Join(dir, logs[i].File)
	}
	// The bubble's clock begins in 2000, in UTC.
	bubble(t, Config{Zone: time.FixedZone("east", 3600)}, logs, func(f *farm) {
		f.dir = dir
		f.send("[31/Dec/1999:22:59:59 +0000] one\n", "a")
		f.send("[31/Dec/1999:23:00:00 +0000] two\n", "a")
		f.send("[31/Dec/1999:22:59:59 +0000] three\n", "a")
		f.send("four\n", "a")
		f.send("[31/Dec/2005:22:59:59 +0000] five\n", "a")
		one, two, three, five := "[31/Dec/1999:22:59:59 +0000] one\n", "[31/Dec/1999:23:00:00 +0000] two\n", "[31/Dec/1999:22:59:59 +0000] three\n", "[31/Dec/2005:22:59:59 +0000] five\n"
		f.want("agreed/1999/12/31/log", one)
		f.want("agreed/2000/01/01/log", two+three+"four\n"+five)
		f.want("line-31-23", one+three+five)
		f.want("line-01-01", "four\n") // the time of its receipt
		f.want("line-01-00", two)
		f.want("receipt-2000", one+two+three+"four\n"+five)
	})
}

// TestDescriptors: thousands of virtual hosts take no more descriptors than they
// may, lose nothing, and leave nothing behind in memory.
func TestDescriptors(t *testing.T) {
	cfg := Config{OpenFiles: 5}
	logs := []Log{{Group: "a", File: "%{vhost}"}, {Group: "a", File: "all"}, {Group: "b", File: "b"}}
	bubble(t, cfg, logs, func(f *farm) {
		var want [100]strings.Builder
		for i := range 2000 {
			host := i * i * 7 % 100
			f.send(fmt.Sprintf("h%d line %d\n", host, i), "a")
			fmt.Fprintf(&want[host], "line %d\n", i)
			if open, known := f.descriptors(f.dir), len(f.sub.Stats().Files); open > 5+2 || known > 5+2 {
				f.Fatalf("%d files open, %d known", open, known)
			}
		}
		for host := range want {
			if want[host].Len() > 0 {
				f.want(fmt.Sprintf("h%d", host), want[host].String())
			}
		}
		st := f.sub.Stats()
		if st.Closed.Records == 0 {
			f.Error("nothing was closed")
		}
		total := st.Closed
		for _, s := range st.Files {
			total.Add(s)
		}
		if total.Records != 4000 || total.DroppedRecords != 0 {
			f.Errorf("counted in all: %+v", total)
		}
		if n := f.sub.files.Known(); n > 5 {
			f.Errorf("the tree still knows %d files", n)
		}
	})
}

// TestDescriptorsOfFailingFiles: a file that cannot be written gives its
// descriptor up like the others, and its lines are there when it can.
func TestDescriptorsOfFailingFiles(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("/dev/full is Linux's")
	}
	dir := t.TempDir()
	for i := range 4 {
		if err := os.Symlink("/dev/full", filepath.Join(dir, fmt.Sprintf("full%d", i))); err != nil {
			t.Fatal(err)
		}
	}
	cfg := Config{OpenFiles: 2, NoLock: true, StatsInterval: -1, QueueBytes: 10000}
	bubble(t, cfg, []Log{{Group: "a", File: filepath.Join(dir, "%{vhost}")}}, func(f *farm) {
		f.dir = dir
		open := func() int { return f.descriptors(dir) + f.descriptors("/dev/full") }
		for range 10 {
			for i := range 4 {
				f.send(fmt.Sprintf("full%d line\n", i), "a")
				f.send(fmt.Sprintf("good%d line\n", i), "a")
				if n := open(); n > 2 {
					f.Fatalf("%d files open", n)
				}
			}
		}
		<-time.After(5 * time.Second)
		synctest.Wait()
		if n := open(); n > 2 {
			f.Fatalf("%d files open after trying again", n)
		}
		for i := range 4 {
			f.want(fmt.Sprintf("good%d", i), strings.Repeat("line\n", 10))
			if err := os.Remove(filepath.Join(dir, fmt.Sprintf("full%d", i))); err != nil {
				f.Fatal(err)
			}
		}
		f.sub.Reopen()
		<-time.After(2 * time.Second)
		synctest.Wait()
		for i := range 4 {
			f.want(fmt.Sprintf("full%d", i), strings.Repeat("line\n", 10))
		}
		f.send("full1 more\n", "a")
		f.want("full1", strings.Repeat("line\n", 10)+"more\n")
		if n := len(f.sub.Stats().Files); n > 2 {
			f.Errorf("%d files are still known", n)
		}
		if n := f.sub.files.Waiting(); n != 0 {
			f.Errorf("%d bytes are accounted for, and nothing waits", n)
		}
	})
}

// TestLocksOfTemplates: a file that another program has locked waits until it is
// free; the others do not.
func TestLocksOfTemplates(t *testing.T) {
	bubble(t, Config{}, []Log{{Group: "a", File: "%{vhost}"}}, func(f *farm) {
		other, err := logfile.Open(filepath.Join(f.dir, "www"), logfile.Options{})
		if err != nil {
			f.Fatal(err)
		}
		f.send("www one\n", "a")
		f.send("ftp two\n", "a")
		f.want("ftp", "two\n")
		f.want("www", "")
		f.wantLog("another program has the file locked")
		if err := other.Close(); err != nil {
			f.Fatal(err)
		}
		<-time.After(retryInterval)
		synctest.Wait()
		f.want("www", "one\n")
		f.wantLog("can write file again")
	})
}

// TestReopenTemplates: after a signal the files are made anew by their next
// lines.
func TestReopenTemplates(t *testing.T) {
	bubble(t, Config{}, []Log{{Group: "a", File: "%{vhost}"}}, func(f *farm) {
		f.send("www one\n", "a")
		path := filepath.Join(f.dir, "www")
		if err := os.Rename(path, path+".1"); err != nil {
			f.Fatal(err)
		}
		f.send("www two\n", "a")
		f.sub.Reopen()
		synctest.Wait()
		f.send("www three\n", "a")
		f.want("www.1", "one\ntwo\n")
		f.want("www", "three\n")
	})
}

func TestMissingBase(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{Connections: []Connection{{Address: "4803", Logs: []Log{{Group: "a", File: dir + "/no/%{vhost}/log"}}}}}
	if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), "directory "+dir+"/no does not exist") {
		t.Errorf("New: %v", err)
	}
}
