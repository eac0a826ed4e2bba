package logsub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spreadd/spreadd/daemon/localring"
	"github.com/spreadd/spreadd/daemon/localring/localringtest"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/internal/testkit/testskip"
	"github.com/spreadd/spreadd/logs/internal/sink/perlsink"
	"github.com/spreadd/spreadd/logs/internal/spreadlogdconf"
	"github.com/spreadd/spreadd/spread"
)

func needPerl(t *testing.T) {
	t.Helper()
	if _, err := perlsink.Find(""); err != nil {
		testskip.Skip(t, "perl is not installed: apt-get install perl")
	}
}

// loghost is a logsub beside a real daemon, with a configuration file of spreadlogd.
type loghost struct {
	*testing.T
	daemon *localring.Daemon
	pub    *spread.Conn
	sub    *Subscriber
	dir    string // in the place of /data/logs
	log    testkit.Output
	end    func() error // of the subscriber; may be called again
}

// newLoghost starts one with a file of testdata/convert, in which port and directories are
// those of the test.
func newLoghost(t *testing.T, name string) *loghost {
	t.Helper()
	h := &loghost{T: t, daemon: localringtest.New(t, "", "alpha").Start("alpha"), dir: t.TempDir()}
	text := read(t, filepath.Join("testdata", "convert", name))
	for from, to := range map[string]string{
		"4913": h.daemon.Address(), "/data/logs": filepath.ToSlash(h.dir), "/opt/spreadlogd/custom": filepath.Join("testdata", "perl"),
	} {
		text = strings.ReplaceAll(text, from, to)
	}
	conf, err := spreadlogdconf.Parse(name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := FromSpreadlogd(conf)
	if err != nil {
		t.Fatal(err)
	}
	// What -convert prints does the same.
	if cfg, _, err = ParseTOML("converted", []byte(cfg.TOML())); err != nil {
		t.Fatal(err)
	}
	for _, site := range []string{"coolsite", "slicksite"} { // they have to be there (spreadlogd §6)
		if err := os.Mkdir(filepath.Join(h.dir, site), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	cfg.Log = slog.New(slog.NewTextHandler(&h.log, nil))
	cfg.Zone = time.UTC
	if h.sub, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.sub.Run(ctx) }()
	h.end = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() { _ = h.end() })
	<-h.sub.Ready()
	h.pub, err = spread.Dial(t.Context(), h.daemon.Address(), spread.WithName("ap25454"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.pub.Kill)
	return h
}

// send sends as mod_log_spread did (mod_log_spread §1.3).
func (h *loghost) send(group, line string) {
	h.Helper()
	if err := h.pub.Multicast(h.Context(), spread.Reliable, 1, []byte(line), group); err != nil {
		h.Fatal(err)
	}
}

// wantFile waits until a file has lines that match these patterns, one each.
func (h *loghost) wantFile(name string, patterns ...string) {
	h.Helper()
	path := filepath.Join(h.dir, name)
	whole := regexp.MustCompile("^" + strings.Join(patterns, "\n") + "\n$")
	var last string
	limit := time.After(testkit.Patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		b, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			h.Fatal(err)
		}
		if last = string(b); whole.MatchString(last) {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			h.Fatalf("%s has\n%swant\n%s\nand the log says\n%s", name, last, whole, &h.log)
		}
	}
}

const (
	commonLine   = `10.1.2.3 - - [20/Nov/2004:22:21:31 -0500] "GET /kung-fu HTTP/1.0" 200 2326` + "\n"
	combinedLine = `10.9.8.7 - - [20/Nov/2004:22:21:31 -0500] "GET / HTTP/1.0" 304 - "http://a.example/" "Mozilla/5.0 [en]"` + "\n"
	nowPattern   = `\[\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d \+0000\]`
)

// TestTalkSimple is the first configuration of the talk (spreadlogd §6).
func TestTalkSimple(t *testing.T) {
	h := newLoghost(t, "simple.conf")
	h.send("coolsite", commonLine)
	h.send("slicksite", combinedLine)
	h.send("coolsite", commonLine)
	common := `10\.1\.2\.3 - - ` + nowPattern + ` "GET /kung-fu HTTP/1\.0" 200 2326`
	h.wantFile("coolsite/common_log", common, common)
	h.wantFile("slicksite/combined_log", `10\.9\.8\.7 - - `+nowPattern+` "GET / HTTP/1\.0" 304 - "http://a\.example/" "Mozilla/5\.0 \[en\]"`)
	if err := h.end(); err != nil {
		t.Error(err)
	}
}

// TestTalkPerl is the second configuration of the talk, with a module like the third, in whose
// database a file stands (spreadlogd §6).
func TestTalkPerl(t *testing.T) {
	needPerl(t)
	t.Setenv("MYLOGGER_TABLE", filepath.Join(t.TempDir(), "logs"))
	h := newLoghost(t, "talk-perl.conf")
	h.send("coolsite", commonLine)
	h.send("slicksite", combinedLine)
	h.send("coolsite", commonLine)
	common := `10\.1\.2\.3 - - ` + nowPattern + ` "GET /kung-fu HTTP/1\.0" 200 2326`
	h.wantFile("coolsite/common_log", common, common)
	h.wantFile("slicksite/combined_log", `10\.9.*`)
	if err := h.end(); err != nil {
		t.Error(err)
	}
	rows := strings.Split(strings.TrimSuffix(read(t, os.Getenv("MYLOGGER_TABLE")), "\n"), "\n")
	pattern := regexp.MustCompile("^alpha\tcoolsite\t" + strconv.Itoa(time.Now().Year()) + "-[-0-9]+ [0-9:]+\t" + common + "$")
	if len(rows) != 2 || !pattern.MatchString(rows[0]) || !pattern.MatchString(rows[1]) {
		t.Errorf("the table has\n%s\nwant two like %s", strings.Join(rows, "\n"), pattern)
	}
	if st := h.sub.Stats(); st.Perl.Returned != 2 || !strings.Contains(h.log.String(), "perl_calls=2") {
		t.Errorf("counted %+v; the log says %s", st.Perl, &h.log)
	}
}

// TestPerlApart: what Perl functions do, or do not, does not affect the files, and is logged.
func TestPerlApart(t *testing.T) {
	needPerl(t)
	dir := t.TempDir()
	var log testkit.Output
	src := &source{more: make(chan int)} // which begins with the second
	for _, text := range []string{"hang", "fine", "die", "exit", "fine"} {
		src.messages = append(src.messages, &spread.Message{Sender: "#p#h", Groups: []string{"a"}, Payload: []byte(text + "\n")})
	}
	file := filepath.Join(dir, "a.log")
	sub, err := New(Config{
		Log: slog.New(slog.NewTextHandler(&log, nil)), QueueBytes: 100_000, CommandWait: 100 * time.Millisecond,
		Dial: func(context.Context, string, string) (spread.Connection, error) { return src, nil },
		Perl: Perl{Load: []perlsink.Step{{Lib: filepath.Join("testdata", "perl")}, {Use: "rude"}}, Hup: []string{"rude::hup"}},
		Connections: []Connection{{Address: "4803", Logs: []Log{
			{Group: "a", Perl: "rude::log"},
			{Group: "a", File: file},
			{Group: "a", Perl: "rude::log", Match: []*regexp.Regexp{regexp.MustCompile("none of them")}},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- sub.Run(ctx) }()
	until := func(what string, holds func(st Stats) bool) {
		t.Helper()
		limit := time.After(testkit.Patience)
		for !holds(sub.Stats()) {
			select {
			case <-time.After(time.Millisecond):
			case <-limit:
				t.Fatalf("waited without success for %s: %+v; the log says %s", what, sub.Stats(), &log)
			}
		}
	}
	src.more <- 4
	until("the last fine one", func(st Stats) bool { return st.Perl.Returned == 2 })
	sub.Reopen()
	until("HUP", func(Stats) bool { return strings.Count(log.String(), "rude reopens") == 3 }) // at both starts, too
	const rounds, each = 50, 100
	const more = rounds * each
	for i := range rounds {
		src.more <- each
		until("the files", func(st Stats) bool { return st.Files[file].Records == int64(4+(i+1)*each) })
	}
	until("a full queue", func(st Stats) bool { return lost(st, "perl") > 0 })
	cancel()
	if err := <-done; err == nil || !strings.Contains(err.Error(), "lines are lost: set a spool directory") {
		t.Errorf("Run says %v", err)
	}
	st := sub.Stats()
	p := st.Perl
	// Lines for which the queue has no room get to no log, so they match none.
	if lost(st, "perl") != st.Dropped["queue_full"]+st.Dropped["at_end"] || lost(st, "files") != 0 ||
		st.Dropped["no_match"]+st.Sink("perl").QueueDropped != more+4 ||
		p.Returned+p.Died+p.Interrupted+lost(st, "perl") != more+4 || p.Interrupted != 2 {
		t.Errorf("counted %+v", st)
	}
	// What Perl loses is no file's loss: not in the log, and not in the counters of the sink of files.
	if files := st.Sink("files"); strings.Contains(log.String(), "lost_by_files") || files.DroppedRecords != 0 || st.Sink("perl").DroppedRecords != p.Died+p.Interrupted {
		t.Errorf("losses: files %+v, perl %+v; the log says %s", files, st.Sink("perl"), &log)
	}
	for _, want := range []string{
		"rude::log died: as it was told", "perl ended; restarting", "exit status 4",
		"perl_died=1", "perl_restarts=1", "perl_interrupted=2", "dropped_queue_full=",
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %q: %s", want, &log)
		}
	}
}

// TestPerlSpool: what Perl has not begun with at the end comes in the next run, once and in order.
func TestPerlSpool(t *testing.T) {
	needPerl(t)
	dir := t.TempDir()
	table := filepath.Join(dir, "table")
	t.Setenv("MYLOGGER_TABLE", table)
	const lines = 5000 // several batches
	run := func(function string, messages int, until func(st Stats) bool) {
		t.Helper()
		var log testkit.Output
		src := &source{more: make(chan int)}
		for i := range lines {
			src.messages = append(src.messages, &spread.Message{Sender: "#p#h", Groups: []string{"a"}, Payload: fmt.Appendf(nil, "%d\n", (i+lines-1)%lines)})
		}
		sub, err := New(Config{
			Log: slog.New(slog.NewTextHandler(&log, nil)), CommandWait: 50 * time.Millisecond, Spool: filepath.Join(dir, "spool"),
			Dial:        func(context.Context, string, string) (spread.Connection, error) { return src, nil },
			Perl:        Perl{Load: []perlsink.Step{{Lib: filepath.Join("testdata", "perl")}, {Use: "mylogger"}, {Use: "rude"}}},
			Connections: []Connection{{Address: "4803", Logs: []Log{{Group: "a", Perl: function}}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- sub.Run(ctx) }()
		if messages > 0 {
			src.more <- messages
		}
		limit := time.After(testkit.Patience)
		for !until(sub.Stats()) {
			select {
			case <-time.After(time.Millisecond):
			case <-limit:
				t.Fatalf("waited without success: %+v; the log says %s", sub.Stats(), &log)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	// The end comes at some point within the lines.
	run("mylogger::log", lines, func(st Stats) bool { return st.Sink("perl").Queue.Put == lines })
	run("mylogger::log", 0, func(st Stats) bool {
		return st.Sink("perl").Queue.SpoolLines == 0 && st.Sink("perl").Queue.WaitingBytes == 0
	})
	next, missing := 0, 0
	for line := range strings.Lines(read(t, table)) {
		var n int
		if _, err := fmt.Sscan(line[strings.LastIndexByte(line, '\t')+1:], &n); err != nil || n < next {
			t.Fatalf("%q comes after %d: %v", line, next-1, err)
		}
		missing += n - next
		next = n + 1
	}
	// One may have been under way at the end, and be there or not.
	if missing += lines - next; missing > 1 {
		t.Errorf("%d lines are missing", missing)
	}
}

// TestPerlErrors: what is missing is an error at the start, before a file is made.
func TestPerlErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.log")
	cfg := Config{
		Perl:        Perl{Load: []perlsink.Step{{Use: "no::such"}}},
		Connections: []Connection{{Address: "4803", Logs: []Log{{Group: "a", File: file}, {Group: "a", Perl: "x::log"}}}},
	}
	t.Run("no module", func(t *testing.T) {
		needPerl(t)
		_, err := New(cfg)
		if start, ok := errors.AsType[*perlsink.StartError](err); !ok || !strings.Contains(start.Why, "Can't locate no/such.pm") {
			t.Errorf("error %v", err)
		}
	})
	cfg.Perl.Program = filepath.Join(dir, "perl")
	if _, err := New(cfg); !errors.Is(err, perlsink.ErrNoPerl) || !errors.Is(cfg.FindPerl(), perlsink.ErrNoPerl) {
		t.Errorf("errors %v, %v", err, cfg.FindPerl())
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file was opened: %v", err)
	}
	for want, change := range map[string]func(*Config){
		"has a file or a Perl function":       func(c *Config) { c.Connections[0].Logs = []Log{{Group: "a", File: file, Perl: "x::log"}} },
		"cannot be cut, compressed":           func(c *Config) { c.Connections[0].Logs = []Log{{Group: "a", Perl: "x::log", Keep: Keeping{Size: 1}}} },
		`"x y" is no name`:                    func(c *Config) { c.Connections[0].Logs = []Log{{Group: "a", Perl: "x y"}} },
		`"1" is no name`:                      func(c *Config) { c.Perl.Hup = []string{"1"} },
		"name either a directory or a module": func(c *Config) { c.Perl.Load = []perlsink.Step{{}} },
	} {
		bad := cfg
		bad.Connections = []Connection{{Address: "4803", Logs: []Log{{Group: "a", File: file}}}}
		change(&bad)
		if err := bad.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
