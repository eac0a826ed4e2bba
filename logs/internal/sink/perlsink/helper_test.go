package perlsink

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/testkit/testskip"
)

// patience is for how long a test waits for what should come at once.
const patience = 60 * time.Second

// said collects what a helper tells.
type said struct {
	mu            sync.Mutex
	lines, events []string
}

func (s *said) line(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, text)
}

func (s *said) event(what string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, fmt.Sprintf("%s: %v", what, err))
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n") + "\n" + strings.Join(s.events, "\n")
}

// rig is a helper under test.
type rig struct {
	*testing.T
	h    *Helper
	said said
	out  string // the file that the module writes
}

func needPerl(t *testing.T) {
	t.Helper()
	if _, err := Find(""); err != nil {
		testskip.Skip(t, "perl is not installed: apt-get install perl")
	}
}

// config returns one that loads a module of testdata.
func (r *rig) config(module string) Config {
	r.Helper()
	needPerl(r.T)
	r.out = filepath.Join(r.TempDir(), "out")
	r.Setenv("ODD_OUT", r.out)
	r.Setenv("MYLOGGER_TABLE", r.out)
	return Config{
		Load: []Step{{Lib: "testdata"}, {Use: module}}, Functions: []string{module + "::log"},
		OnEvent: r.said.event, Output: r.said.line, EndWait: 20 * time.Second,
		restartFirst: time.Millisecond, restartLast: 10 * time.Millisecond,
	}
}

func (r *rig) start(cfg Config) {
	r.Helper()
	h, err := Start(cfg)
	if err != nil {
		r.Fatalf("%v; it said %s", err, &r.said)
	}
	r.h = h
	r.Cleanup(func() {
		if !closed(h.closing) {
			_ = h.Close() // the test has failed
		}
	})
}

func (r *rig) put(messages ...string) {
	r.Helper()
	for _, m := range messages {
		if !r.h.Put(0, "#ap123#web1", "coolsite", []byte(m)) {
			r.Fatalf("no room for %q", m)
		}
	}
}

// close closes the helper, and checks that each message was counted once.
func (r *rig) close(messages int64) {
	r.Helper()
	if err := r.h.Close(); err != nil {
		r.Error(err)
	}
	st := r.h.Stats()
	if sum := st.Returned + st.Died + st.Interrupted; sum != messages || st.Waiting != 0 || st.WaitingBytes != 0 || st.PID != 0 {
		r.Errorf("%d messages became %+v; it said %s", messages, st, &r.said)
	}
}

func (r *rig) written() string {
	r.Helper()
	b, err := os.ReadFile(r.out)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		r.Fatal(err)
	}
	return string(b)
}

func (r *rig) wait(what string, cond func() bool) {
	r.Helper()
	limit := time.After(patience)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-limit:
			r.Fatalf("waited in vain for %s; it said %s, and counted %+v", what, &r.said, r.h.Stats())
		}
	}
}

func (r *rig) want(text string) {
	r.Helper()
	if got := r.written(); got != text {
		r.Errorf("the module wrote\n%swant\n%s", got, text)
	}
}

func (r *rig) wantSaid(text string) {
	r.Helper()
	if !strings.Contains(r.said.String(), text) {
		r.Errorf("it did not say %q, but %s", text, &r.said)
	}
}

// TestLogger has a module as sites have them (spreadlogd §6, §15).
func TestLogger(t *testing.T) {
	r := &rig{T: t}
	cfg := r.config("mylogger")
	cfg.Hup = []string{"mylogger::reopen"}
	r.start(cfg)
	r.put("10.0.0.1 - - [20/Nov/2026:22:21:31 +0000] \"GET / HTTP/1.0\" 200 5\n", "second")
	r.wait("the lines", func() bool { return r.h.Stats().Returned == 2 })
	// Rotation: the file is moved away, and opened anew on HUP.
	if err := os.Rename(r.out, r.out+".1"); err != nil {
		t.Fatal(err)
	}
	r.h.Hup()
	r.put("third\n")
	r.close(3)
	r.wantSaid("reopening with 0 arguments\nreopening with 0 arguments")
	rows := strings.Split(r.written(), "\t")
	if len(rows) != 4 || rows[0] != "web1" || rows[1] != "coolsite" || rows[3] != "third\n" {
		t.Errorf("the row is %q", rows)
	}
	r.out += ".1"
	if old := r.written(); strings.Count(old, "\n") != 2 || !strings.Contains(old, "\tsecond\n") {
		t.Errorf("the rows before are %q", old)
	}
}

// TestConventions: what a function gets, and that nothing it does is in the way of the
// next call.
func TestConventions(t *testing.T) {
	r := &rig{T: t}
	cfg := r.config("odd")
	cfg.Functions = append(cfg.Functions, "plain", "main::plain", "odd::auto::thing")
	cfg.Hup = []string{"odd::hup", "odd::hup"}
	r.start(cfg)
	r.wantSaid("odd is loaded")
	r.put("one\n", "", "bytes \xff\xc3\xbc", "two\nlines\n", "a\x00b", "stdin", "print", "warn", "redefine", "after")
	for f := 1; f < 4; f++ {
		r.h.Put(f, "#s#h", "g", []byte(strings.Repeat("long", 60000)))
	}
	r.close(13)
	const head = "3|scalar|#ap123#web1|coolsite|"
	long := "|#s#h|g|" + strings.Repeat("long", 60000) + "\n"
	r.want("hup|0\nhup|0\n" +
		head + "one\\n\n" + head + "\n" + head + "bytes \xff\xc3\xbc\n" + head + "two\\nlines\\n\n" + head + "a\n" +
		head + "stdin\nend of input\n" + head + "print\n" + head + "warn\n" + head + "redefine\nnew|#ap123#web1|coolsite|after\n" +
		"plain" + long + "plain" + long + "autoload odd::auto::thing" + long + "END\n")
	r.wantSaid("printed")
	r.wantSaid("careful")
	if st := r.h.Stats(); st.CutAtNUL != 1 || st.Starts != 1 {
		t.Errorf("counted %+v", st)
	}
}

// TestDies: a function that dies costs nothing but its own work (spreadlogd §15: the process).
func TestDies(t *testing.T) {
	r := &rig{T: t}
	cfg := r.config("odd")
	cfg.Hup = []string{"odd::badhup"}
	r.start(cfg)
	r.put("die", "object", "mute", "fork", "alive")
	r.h.Hup()
	r.close(5)
	if st := r.h.Stats(); st.Died != 3 || st.Returned != 2 || st.DiedHup != 2 || st.Starts != 1 {
		t.Errorf("counted %+v", st)
	}
	r.wantSaid("odd::log died: at once")
	r.wantSaid("odd::log died: HASH")
	r.wantSaid("odd::log died: without a reason")
	r.wantSaid("odd::badhup died: no hup today")
	if n := strings.Count(r.written(), "|alive\n"); n != 1 {
		t.Errorf("the last message was worked off %d times", n)
	}
}

// TestEnds: a function that ends the interpreter costs its message and no other.
func TestEnds(t *testing.T) {
	r := &rig{T: t}
	r.start(r.config("odd"))
	var want strings.Builder
	messages := []string{"a", "exit", "b", "kill", "kill", "c"}
	r.put(messages...)
	r.close(6)
	for _, m := range messages {
		want.WriteString("3|scalar|#ap123#web1|coolsite|" + m + "\n")
		if m == "exit" {
			want.WriteString("END\n")
		}
	}
	r.want(want.String() + "END\n")
	if st := r.h.Stats(); st.Interrupted != 3 || st.Returned != 3 || st.Starts != 4 {
		t.Errorf("counted %+v", st)
	}
	r.wantSaid("perl has ended, and is started again: exit status 3; pause 1ms")
	r.wantSaid("pause 4ms")
}

// TestBackoff: a module that ends with each message is not started in a loop.
func TestBackoff(t *testing.T) {
	r := &rig{T: t}
	cfg := r.config("odd")
	cfg.restartFirst, cfg.restartLast, cfg.EndWait = 30*time.Millisecond, time.Minute, time.Second
	r.start(cfg)
	for range 100 {
		r.put("exit")
	}
	began := time.Now()
	r.wait("five starts", func() bool { return r.h.Stats().Starts == 5 })
	if took := time.Since(began); took < (30+60+120+240)*time.Millisecond {
		t.Errorf("started five times in %v", took)
	}
	if err := r.h.Close(); err == nil || !strings.Contains(err.Error(), "messages in time") {
		t.Errorf("Close says %v", err)
	}
	if st := r.h.Stats(); st.Interrupted+st.DroppedEnd != 100 || st.Starts > 7 {
		t.Errorf("counted %+v", st)
	}
}

// TestSlow: Put does not wait; what there is no room for is counted.
func TestSlow(t *testing.T) {
	r := &rig{T: t}
	cfg := r.config("odd")
	cfg.QueueBytes, cfg.watchInterval = 20_000, 10*time.Millisecond
	r.start(cfg)
	message := []byte("slow" + strings.Repeat(".", 96))
	began := time.Now()
	taken := 0
	for range 1000 {
		if r.h.Put(0, "#s#h", "g", message) {
			taken++
		}
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("Put has waited: %v", took)
	}
	if st := r.h.Stats(); taken < 100 || st.DroppedFull != int64(1000-taken) || st.WaitingBytes > 20_000 {
		t.Errorf("%d taken, counted %+v", taken, st)
	}
	r.wait("a word about it", func() bool {
		return strings.Contains(r.said.String(), "messages for Perl are dropped: its queue is full: ")
	})
	r.close(int64(taken))
	if n := strings.Count(r.written(), "|slow"); n != taken {
		t.Errorf("%d of %d were worked off", n, taken)
	}
}

// TestHangs: a function that does not return is told of, and does not hold up the end.
func TestHangs(t *testing.T) {
	r := &rig{T: t}
	cfg := r.config("odd")
	cfg.hangTime, cfg.watchInterval, cfg.EndWait = 50*time.Millisecond, 10*time.Millisecond, 100*time.Millisecond
	r.start(cfg)
	r.put("hang", "never")
	r.wait("a word about it", func() bool { return strings.Contains(r.said.String(), "a Perl function does not return: ") })
	for range 3000 { // more than a pipe holds
		r.put(strings.Repeat("x", 100))
	}
	if err := r.h.Close(); err == nil || !strings.Contains(err.Error(), "not worked off 3001 messages") {
		t.Errorf("Close says %v", err)
	}
	if st := r.h.Stats(); st.Interrupted != 1 || st.DroppedEnd != 3001 || st.Waiting != 0 {
		t.Errorf("counted %+v", st)
	}
}

// TestDrain: what is handled when nothing waits is what was put, whatever became of it.
func TestDrain(t *testing.T) {
	r := &rig{T: t}
	r.start(r.config("odd"))
	r.put("a", "die", "exit", "b")
	r.h.Put(NoFunction, "#s#h", "g", []byte("from another configuration"))
	if err := r.h.Drain(t.Context()); err != nil {
		t.Error(err)
	}
	if n := r.h.Handled(); n != 5 {
		t.Errorf("%d messages were handled", n)
	}
	r.wantSaid("a message is for a function that is not in the configuration")
	r.put("exit") // the last one: it is handled when the helper has ended
	if err := r.h.Drain(t.Context()); err != nil || r.h.Handled() != 6 {
		t.Errorf("%d messages were handled, %v", r.h.Handled(), err)
	}
	r.close(6)
	if err := r.h.Drain(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestStop: a helper that is stopped ends at once, and it is known what it has not begun with.
func TestStop(t *testing.T) {
	r := &rig{T: t}
	r.start(r.config("odd"))
	r.put("a", "b", "hang", "c", "d")
	r.wait("the function", func() bool { return r.h.Stats().Returned == 2 })
	ctx, cancel := context.WithCancel(t.Context())
	drained := make(chan error, 1)
	go func() { drained <- r.h.Drain(ctx) }()
	cancel()
	if err := <-drained; !errors.Is(err, context.Canceled) {
		t.Errorf("Drain says %v", err)
	}
	began := time.Now()
	r.h.Stop()
	r.h.Stop()
	if took := time.Since(began); took > 15*time.Second { // EndWait is 20 s
		t.Errorf("ended after %v", took)
	}
	if err := r.h.Close(); err != nil {
		t.Errorf("Close says %v", err)
	}
	if st := r.h.Stats(); r.h.Handled() != 3 || st.Returned != 2 || st.Interrupted != 1 || st.DroppedEnd != 2 {
		t.Errorf("%d were handled, counted %+v", r.h.Handled(), st)
	}
	r.put("e") // it waits for ever
	if err := r.h.Drain(t.Context()); !errors.Is(err, errStopped) {
		t.Errorf("Drain says %v", err)
	}
}

// TestLoud: what modules print is told, and not too much of it.
func TestLoud(t *testing.T) {
	r := &rig{T: t}
	cfg := r.config("odd")
	cfg.Load = cfg.Load[:2]
	r.start(cfg)
	r.put("loud")
	r.close(1)
	st := r.h.Stats()
	if st.Lines < 500 || st.Suppressed < 400 {
		t.Errorf("counted %+v", st)
	}
	r.wantSaid("line 1\n")
	r.wait("a word about the rest", func() bool { return strings.Contains(r.said.String(), fmt.Sprintf("(%d more lines)", st.Suppressed)) })
}

// TestStartErrors: what cannot be loaded is an error now, in Perl's words.
func TestStartErrors(t *testing.T) {
	r := &rig{T: t}
	base := r.config("odd")
	base.startWait, base.EndWait = 2*time.Second, 100*time.Millisecond
	for _, tt := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"no module", func(c *Config) { c.Load[1].Use = "no::such::module" }, "use no::such::module: Can't locate no/such/module.pm"},
		{"no directory", func(c *Config) { c.Load = c.Load[1:] }, "Can't locate odd.pm"},
		{"dies", func(c *Config) { c.Load[1].Use = "broken" }, "broken on purpose"},
		{"exits", func(c *Config) { c.Load[1].Use = "leaves" }, "perl has ended meanwhile: exit status 7; its last words are: bye"},
		{"hangs", func(c *Config) { c.Load[1].Use = "sleeps" }, "not been loaded after 2s"},
		{"no function", func(c *Config) { c.Functions[0] = "odd::lgo" }, "there is no function odd::lgo"},
		{"no function for HUP", func(c *Config) { c.Hup = []string{"hup"} }, "there is no function hup"},
		{"not a name", func(c *Config) { c.Functions[0] = "odd::" }, "there is no function odd::"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := base
			cfg.Load = append([]Step(nil), base.Load...)
			cfg.Functions = append([]string(nil), base.Functions...)
			tt.change(&cfg)
			h, err := Start(cfg)
			if start, ok := errors.AsType[*StartError](err); !ok || !strings.Contains(start.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if h != nil {
				_ = h.Close()
			}
		})
	}
	base.Program = "/no/such/perl"
	if _, err := Start(base); !errors.Is(err, ErrNoPerl) || !strings.Contains(err.Error(), "/no/such/perl") {
		t.Errorf("error %v", err)
	}
	t.Setenv("PATH", t.TempDir())
	base.Program = ""
	if _, err := Start(base); !errors.Is(err, ErrNoPerl) || !strings.Contains(err.Error(), "apt-get install perl") {
		t.Errorf("error %v", err)
	}
}
