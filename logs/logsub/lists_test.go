package logsub

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/spread"
	"github.com/spreadd/spreadd/spread/spreadtest"
)

// list writes a groups_file and waits until it has been read.
func (f *farm) list(path, text string) {
	f.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		f.Fatal(err)
	}
	f.pass(3 * listInterval)
}

// pass lets time pass.
func (f *farm) pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// TestGroupsFile: groups of a list are joined and left as the list changes, and nothing else is
// touched.
func TestGroupsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "groups")
	if err := os.WriteFile(path, []byte("# virtual hosts\na\n\n  b # the shop\na\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	logs := []Log{{GroupsFile: path, File: "%{group}.log"}, {GroupsFile: path, File: "all.log"}, {Group: "b", File: "fixed.log"}}
	bubble(t, Config{}, logs, func(f *farm) {
		f.send("1\n", "a")
		f.send("2\n", "b")
		f.send("no\n", "c")
		f.send("3\n", "a", "b")
		f.want("a.log", "1\n3\n")
		f.want("b.log", "2\n")
		f.want("all.log", "1\n2\n3\n")
		f.want("fixed.log", "2\n3\n")

		f.list(path, "c\n")
		f.send("no\n", "a")
		f.send("4\n", "b")
		f.send("5\n", "c")
		f.want("c.log", "5\n")
		f.want("all.log", "1\n2\n3\n5\n")
		f.want("fixed.log", "2\n3\n4\n") // b has a log of its own
		if d := f.sub.Stats().Daemons[0]; d.Groups != 2 || d.Joined != 2 || d.Connects != 1 {
			f.Errorf("%d of %d groups joined, %d connects", d.Joined, d.Groups, d.Connects)
		}

		f.list(path, "")
		f.send("no\n", "c")
		f.want("all.log", "1\n2\n3\n5\n")
		f.list(path, "a\nc\n")
		f.send("6\n", "a")
		f.want("a.log", "1\n3\n6\n")
		f.want("all.log", "1\n2\n3\n5\n6\n")
		if n := len(f.sub.Stats().Logs); n != 3 {
			f.Errorf("%d logs, want the 3 of the configuration", n)
		}
	})
}

// TestGroupsFileReopen: Reopen, as by SIGHUP, reads a list at once.
func TestGroupsFileReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "groups")
	bubble(t, Config{}, []Log{{GroupsFile: path, File: "all.log"}}, func(f *farm) {
		if err := os.WriteFile(path, []byte("a\n"), 0o600); err != nil {
			f.Fatal(err)
		}
		f.sub.Reopen()
		synctest.Wait()
		f.send("1\n", "a")
		f.want("all.log", "1\n")
	})
}

// TestGroupsFileTrouble: a list that cannot be read, or has mistakes, is reported once and changes
// nothing that it does not say; it counts as soon as it is right.
func TestGroupsFileTrouble(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "groups")
	bubble(t, Config{}, []Log{{GroupsFile: path, File: "all.log"}}, func(f *farm) {
		f.wantLog("groups_file does not exist; create it")
		select {
		case <-f.sub.Ready():
		default:
			f.Error("not ready without a list")
		}
		f.pass(time.Minute)
		if n := strings.Count(f.log.String(), "does not exist"); n != 1 {
			f.Errorf("%d complaints", n)
		}
		f.list(path, "a\nb c\n#\n"+strings.Repeat("x", 32)+"\nd\n")
		f.send("1\n", "a")
		f.send("2\n", "d")
		f.want("all.log", "1\n2\n")
		f.wantLog("groups_file has mistakes; its other lines count")
		f.wantLog("groups:2:1: ")
		f.wantLog("groups:4:1: ")
		if l := f.sub.Stats().Lists; len(l) != 1 || l[0].Groups != 2 || !strings.Contains(l[0].Problem, "groups:2:1: ") {
			f.Errorf("the list is reported as %+v", l)
		}

		if err := os.Remove(path); err != nil {
			f.Fatal(err)
		}
		if err := os.Mkdir(path, 0o700); err != nil {
			f.Fatal(err)
		}
		f.pass(3 * listInterval)
		f.wantLog("cannot read groups_file")
		f.send("3\n", "a")
		f.want("all.log", "1\n2\n3\n")

		if err := os.Remove(path); err != nil {
			f.Fatal(err)
		}
		f.list(path, "a\n")
		f.wantLog("groups_file is right again")
		f.send("no\n", "d")
		f.want("all.log", "1\n2\n3\n")
	})
}

// TestGroupsFileHuge: a list of any size ends nothing.
func TestGroupsFileHuge(t *testing.T) {
	var text strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&text, "g%d\n", i)
	}
	groups, mistakes := ParseGroups("groups", []byte(text.String()))
	if len(groups) != maxListed || len(mistakes) != 1 || mistakes[0].Pos.Line != maxListed+1 {
		t.Errorf("%d groups, %v", len(groups), mistakes)
	}
	groups, mistakes = ParseGroups("groups", []byte(strings.Repeat("!\n", 100_000)+"a\n"))
	if len(groups) != 0 || len(mistakes) != maxListErrors+1 {
		t.Errorf("%d groups, %d mistakes", len(groups), len(mistakes))
	}
}

// TestGroupsFileLost: after a reconnection all groups of the list are joined again, with one line in
// the log, and a list that has changed meanwhile counts.
func TestGroupsFileLost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "groups")
	if err := os.WriteFile(path, []byte("a\nb\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	bubble(t, Config{}, []Log{{GroupsFile: path, File: "all.log"}}, func(f *farm) {
		private, _, _ := spread.SplitPrivateGroup(f.daemon.Members("a")[0])
		if !f.daemon.Drop(private) {
			f.Fatalf("no session %q", private)
		}
		f.list(path, "b\nc\n")
		f.pass(10 * time.Second)
		f.publisher()
		f.send("no\n", "a")
		f.send("1\n", "b")
		f.send("2\n", "c")
		f.want("all.log", "1\n2\n")
		if n := strings.Count(f.log.String(), "again; lines sent meanwhile are missing"); n != 1 {
			f.Errorf("%d lines about joining again:\n%s", n, f.log.String())
		}
	})
}

// TestGroupsFileHeal: a log host that gets a list later than the other one fetches what it lacks.
func TestGroupsFileHeal(t *testing.T) {
	d := spreadtest.New("h1")
	defer d.Close()
	one, two := t.TempDir(), t.TempDir()
	host := func(dir, groups string) Config {
		if err := os.WriteFile(filepath.Join(dir, "groups"), []byte(groups), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg := indexedHost(t, d, dir)
		cfg.Connections[0].Logs = []Log{{GroupsFile: filepath.Join(dir, "groups"), File: filepath.Join(dir, "logs", "all"), Envelope: EnvelopeIndex}}
		if err := os.Mkdir(filepath.Join(dir, "logs"), 0o700); err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	runHost(t, host(one, "a\nb\n"))
	second, _ := runHost(t, host(two, "b\n"))
	p := newPublisherOf(t, dialer(d), "4803", "web")
	p.send(100)
	waitIdentical(t, 100, filepath.Join(one, "logs"))
	if err := os.WriteFile(filepath.Join(two, "groups"), []byte("a\nb\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	second.Reopen()
	waitIdentical(t, 100, filepath.Join(one, "logs"), filepath.Join(two, "logs"))
	p.send(50)
	waitIdentical(t, 150, filepath.Join(one, "logs"), filepath.Join(two, "logs"))
}
