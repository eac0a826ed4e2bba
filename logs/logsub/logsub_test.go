package logsub

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/logs/internal/logline"
	"github.com/spreadd/spreadd/spread"
	"github.com/spreadd/spreadd/spread/spreadtest"
)

// farm is a daemon, a publisher and a subscriber in one bubble of time.
type farm struct {
	*testing.T
	daemon *spreadtest.Daemon
	sub    *Subscriber
	pub    *spread.Conn
	log    testkit.Output
	dir    string
	end    func() error // of the subscriber; may be called again
}

// dialer opens sessions to a daemon in memory.
func dialer(d *spreadtest.Daemon) func(context.Context, string, string) (spread.Connection, error) {
	return func(ctx context.Context, address, name string) (spread.Connection, error) {
		c, err := spread.Dial(ctx, address, spread.WithName(name), spread.WithMembership(true), spread.WithDialer(d.Dial))
		if err != nil {
			return nil, err
		}
		return c, nil
	}
}

// bubble runs a test with a subscriber of the given logs, whose files are in a
// folder of the test unless their paths are absolute.
func bubble(t *testing.T, cfg Config, logs []Log, test func(f *farm)) {
	t.Helper()
	dir := t.TempDir()
	for i := range logs {
		if !filepath.IsAbs(logs[i].File) {
			logs[i].File = filepath.Join(dir, logs[i].File)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		f := &farm{T: t, daemon: spreadtest.New("alpha"), dir: dir}
		defer f.daemon.Close()
		cfg.Connections = []Connection{{Address: "4803", Logs: logs}}
		if cfg.Dial == nil {
			cfg.Dial = dialer(f.daemon)
		}
		cfg.Log = slog.New(slog.NewTextHandler(&f.log, nil))
		sub, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		f.sub = sub
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- sub.Run(ctx) }()
		f.end = sync.OnceValue(func() error {
			cancel()
			return <-done
		})
		f.publisher()
		synctest.Wait()
		test(f)
		_ = f.end()
		_ = f.pub.Close()
	})
}

func (f *farm) publisher() {
	f.Helper()
	if f.pub != nil {
		f.pub.Kill()
	}
	pub, err := spread.Dial(f.Context(), "4803", spread.WithName("pub"), spread.WithDialer(f.daemon.Dial))
	if err != nil {
		f.Fatal(err)
	}
	f.pub = pub
}

func (f *farm) send(payload string, groups ...string) {
	f.Helper()
	if err := f.pub.Multicast(f.Context(), spread.Reliable, 0, []byte(payload), groups...); err != nil {
		f.Fatal(err)
	}
	if err := f.pub.Flush(f.Context()); err != nil {
		f.Fatal(err)
	}
	synctest.Wait()
}

func (f *farm) want(name, content string) {
	f.Helper()
	b, err := os.ReadFile(filepath.Join(f.dir, name))
	if err != nil {
		f.Fatal(err)
	}
	if string(b) != content {
		f.Errorf("%s has %q, want %q", name, b, content)
	}
}

func (f *farm) wantLog(text string) {
	f.Helper()
	if !strings.Contains(f.log.String(), text) {
		f.Errorf("the log does not say %q:\n%s", text, f.log.String())
	}
}

func TestWritesAtOnceAndAsSent(t *testing.T) {
	bubble(t, Config{}, []Log{{Group: "a", File: "a.log"}, {Group: "b", File: "b.log"}}, func(f *farm) {
		f.send("one\n", "a")
		f.want("a.log", "one\n")
		f.send("two, without newline", "a")
		f.send("\x00\xff\n", "b")
		f.send("", "a")
		f.send("three\nfour\n", "a")
		f.want("a.log", "one\ntwo, without newlinethree\nfour\n")
		f.want("b.log", "\x00\xff\n")
		f.wantLog("joined")
		select {
		case <-f.sub.Ready():
		default:
			f.Error("all groups are joined, and it is not ready")
		}
	})
}

// TestSeveralGroups: a message to several groups is written once for each log
// that names one of them; logs may share a file.
func TestSeveralGroups(t *testing.T) {
	logs := []Log{{Group: "a", File: "a.log"}, {Group: "b", File: "b.log"}, {Group: "c", File: "a.log"}}
	bubble(t, Config{}, logs, func(f *farm) {
		f.send("ab\n", "a", "b")
		f.send("ac\n", "c", "other", "a", "c")
		f.send("other\n", "other")
		f.want("a.log", "ab\nac\nac\n")
		f.want("b.log", "ab\n")
		f.send("private\n", f.daemon.Members("a")[0])
		f.want("a.log", "ab\nac\nac\n")
		if n := f.sub.Stats().Dropped["no_log"]; n != 1 {
			f.Errorf("%d messages for no log, want that to the private group", n)
		}
	})
}

func TestMatchAndRewrite(t *testing.T) {
	at := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	cfg := Config{Now: func() time.Time { return at }}
	logs := []Log{
		{Group: "a", File: "all.log", Rewrite: RewriteCommonLog, Clock: ClockReceipt},
		{Group: "a", File: "some.log", Match: []*regexp.Regexp{regexp.MustCompile("^x"), regexp.MustCompile("1999")}},
	}
	bubble(t, cfg, logs, func(f *farm) {
		f.send("h - - [10/Oct/1999:13:55:36 -0700] \"GET /\"\n", "a")
		f.send("h - - [10/Oct/2000:13:55:36 -0700] \"GET /\"\n", "a")
		f.send("x\n", "a")
		f.want("some.log", "h - - [10/Oct/1999:13:55:36 -0700] \"GET /\"\nx\n")
		line := "h - - [03/Feb/2001:04:05:06 +0000] \"GET /\"\n"
		f.want("all.log", line+line+"x\n")
		if n := f.sub.Stats().Dropped["no_match"]; n != 1 {
			f.Errorf("%d lines without match, want 1", n)
		}
	})
}

func TestFilter(t *testing.T) {
	logs := []Log{
		{Group: "a", File: "errors.log", Filter: logline.Rules{Keep: []logline.Condition{{Status: []logline.Status{{First: 500, Last: 599}}}}}},
		{Group: "a", File: "%{vhost}", VHost: logline.VHostKeep, Filter: logline.Rules{Drop: []logline.Condition{{Field: logline.FieldPath, Match: regexp.MustCompile("^/health")}}}},
		{Group: "a", File: "some.log", Filter: logline.Rules{Sample: 0.5}},
	}
	bubble(t, Config{}, logs, func(f *farm) {
		line := func(path string, status int) string {
			return fmt.Sprintf("h - - [10/Oct/1999:13:55:36 -0700] \"GET %s HTTP/1.1\" %d 1\n", path, status)
		}
		f.send("www "+line("/a", 200), "a")
		f.send("www "+line("/health", 200), "a")
		f.send(line("/a", 503), "a")
		f.want("errors.log", line("/a", 503))
		f.want("www", "www "+line("/a", 200))
		f.want("_none", line("/a", 503)) // its first word is the client
		for i := range 100 {
			f.send(fmt.Sprint(i, "\n"), "a")
		}
		st := f.sub.Stats()
		n := int(st.Dropped["not_in_sample"])
		if kept := strings.Count(read(f.T, filepath.Join(f.dir, "some.log")), "\n"); kept+n != 103 || kept < 30 || kept > 70 {
			f.Errorf("%d lines are of the sample, %d are not", kept, n)
		}
		if n := st.Dropped["filtered"]; n != 103 {
			f.Errorf("%d lines are filtered, want 102 and 1", n)
		}
	})
}

func TestLongMessages(t *testing.T) {
	for _, cut := range []bool{false, true} {
		bubble(t, Config{BufferSize: 8, Truncate: cut}, []Log{{Group: "a", File: "a.log"}}, func(f *farm) {
			f.send("1234567\n", "a")
			f.send("12345678\n", "a")
			f.send("123456789", "a")
			st := f.sub.Stats()
			if cut {
				f.want("a.log", "1234567\n1234567\n12345678")
			} else {
				f.want("a.log", "1234567\n")
			}
			if dropped, truncated := st.Dropped["too_long"], st.Truncated; dropped+truncated != 2 || (truncated == 2) != cut {
				f.Errorf("dropped %d, cut %d", dropped, truncated)
			}
		})
	}
}

// TestReconnects: the daemon ends and comes back; the groups are joined again,
// and the log says how long that took.
func TestReconnects(t *testing.T) {
	bubble(t, Config{}, []Log{{Group: "a", File: "a.log"}, {Group: "b", File: "b.log"}}, func(f *farm) {
		f.send("one\n", "a")
		f.daemon.SetDown(true)
		<-time.After(10 * time.Minute)
		f.daemon.SetDown(false)
		<-time.After(6 * time.Second)
		synctest.Wait()
		f.publisher()
		f.send("two\n", "a", "b")
		f.want("a.log", "one\ntwo\n")
		f.want("b.log", "two\n")
		f.wantLog("joined group again; lines sent meanwhile are missing\" group=b daemon=4803 session=")
		f.wantLog("away=10m")
		if n := strings.Count(f.log.String(), "cannot connect"); n != 1 {
			f.Errorf("the log says %d times that there is no connection, want once", n)
		}
		if n := f.sub.Stats().Connects; n != 2 {
			f.Errorf("%d connections, want 2", n)
		}
	})
}

// TestDropped: a daemon that has cut us off is dialed again within a moment.
func TestDropped(t *testing.T) {
	bubble(t, Config{}, []Log{{Group: "a", File: "a.log"}}, func(f *farm) {
		private, _, _ := spread.SplitPrivateGroup(f.daemon.Members("a")[0])
		if !f.daemon.Drop(private) {
			f.Fatalf("no session %q", private)
		}
		<-time.After(50 * time.Millisecond)
		f.send("one\n", "a")
		f.want("a.log", "one\n")
	})
}

// TestNameTaken: another session has the name, so that logsub adds a suffix.
func TestNameTaken(t *testing.T) {
	d := spreadtest.New("alpha")
	defer d.Close()
	name := (&receiver{}).name()
	other, err := spread.Dial(t.Context(), "4803", spread.WithName(name), spread.WithDialer(d.Dial))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Kill()
	r := (&Subscriber{cfg: Config{Dial: dialer(d)}}).newReceiver(0, "4803")
	if err := r.open(); err != nil {
		t.Fatal(err)
	}
	defer r.client.Close()
	ev, err := r.client.Receive(t.Context())
	if c, ok := ev.(*spread.Connected); !ok || c.PrivateGroup == other.PrivateGroup() {
		t.Errorf("%T %+v, %v, and the other is %s", ev, ev, err, other.PrivateGroup())
	}
}

func TestReopen(t *testing.T) {
	bubble(t, Config{}, []Log{{Group: "a", File: "a.log"}}, func(f *farm) {
		f.send("one\n", "a")
		path := filepath.Join(f.dir, "a.log")
		if err := os.Rename(path, path+".1"); err != nil {
			f.Fatal(err)
		}
		f.send("two\n", "a")
		f.sub.Reopen()
		synctest.Wait()
		f.want("a.log", "") // at once, without traffic
		f.send("three\n", "a")
		f.want("a.log.1", "one\ntwo\n")
		f.want("a.log", "three\n")
	})
}

// TestEndWithoutTraffic: it ends at once, and leaves the groups.
func TestEndWithoutTraffic(t *testing.T) {
	bubble(t, Config{}, []Log{{Group: "a", File: "a.log"}}, func(f *farm) {
		f.send("one\n", "a")
		began := time.Now()
		if err := f.end(); err != nil {
			f.Errorf("Run: %v", err)
		}
		if took := time.Since(began); took > time.Second {
			f.Errorf("the end took %v", took)
		}
		synctest.Wait()
		if m := f.daemon.Members("a"); len(m) != 0 {
			f.Errorf("%v are still members", m)
		}
		f.wantLog("stopped messages=1 bytes=4 connects=1 written=1")
	})
}

// TestDiskFull: it says so, keeps its bound, and goes on when it can. A full
// disk is a link to /dev/full here.
func TestDiskFull(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("/dev/full is Linux's")
	}
	dir := t.TempDir()
	full, roomy := filepath.Join(dir, "full"), filepath.Join(dir, "roomy")
	if err := os.Symlink("/dev/full", full); err != nil {
		t.Fatal(err)
	}
	cfg := Config{NoLock: true, QueueBytes: 1000, StatsInterval: -1}
	bubble(t, cfg, []Log{{Group: "a", File: full}, {Group: "b", File: "b.log"}}, func(f *farm) {
		const line = "0123456789012345678901234567890123456789012345678\n" // 50 bytes
		for range 30 {
			f.send(line, "a", "b")
		}
		f.want("b.log", strings.Repeat(line, 30)) // one full disk does not stop the others
		f.wantLog("cannot write file; its lines wait in memory")
		f.wantLog("no space left on device: free some space")
		<-time.After(10 * time.Minute)
		if n := strings.Count(f.log.String(), "cannot write file"); n < 5 || n > 15 {
			f.Errorf("in ten minutes the log says %d times that the file cannot be written", n)
		}
		if st := f.sub.Stats().Files[full]; st.DroppedRecords != 10 || st.Waiting != 1000 {
			f.Errorf("counters of the full file are %+v, want the bound kept", st)
		}
		// There is room again.
		if err := os.Remove(full); err != nil {
			f.Fatal(err)
		}
		if err := os.Symlink(roomy, full); err != nil {
			f.Fatal(err)
		}
		f.sub.Reopen()
		synctest.Wait()
		f.send("last\n", "a")
		b, err := os.ReadFile(roomy)
		if err != nil {
			f.Fatal(err)
		}
		if string(b) != strings.Repeat(line, 20)+"last\n" {
			f.Errorf("the file has %d bytes, and ends with %q", len(b), b[max(0, len(b)-60):])
		}
		f.wantLog("can write file again")
		f.wantLog("lost_lines=10")
	})
}

func TestConfigErrors(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct {
		cfg  Config
		want string
	}{
		{Config{}, "name a group and a file"},
		{Config{Connections: []Connection{{Address: "x@y"}}}, "x@y"},
		{Config{Connections: []Connection{{Address: "4803", Logs: []Log{{Group: "#a"}}}}}, `#a`},
		{Config{Connections: []Connection{{Address: "4803", Logs: []Log{{Group: "a"}}}}}, `no file for group "a"`},
		{Config{Connections: []Connection{{Address: "4803", Logs: []Log{{Group: "a", File: dir + "/no/log"}}}}}, "make the directory"},
	} {
		if _, err := New(tt.cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("New: %v, want %q", err, tt.want)
		}
	}
}

// TestLinksAreOneFile: two names of one file share it; otherwise the second
// would find it locked.
func TestLinksAreOneFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "x"), filepath.Join(dir, "y")); err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{Connections: []Connection{{Address: "4803", Logs: []Log{
		{Group: "a", File: filepath.Join(dir, "x")}, {Group: "b", File: filepath.Join(dir, "y")},
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(s.Stats().Files); n != 1 {
		t.Errorf("%d files open, want 1", n)
	}
	if err := s.closeAll(); err != nil {
		t.Error(err)
	}
}
