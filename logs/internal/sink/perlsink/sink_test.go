package perlsink

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/internal/testkit/testskip"
	"github.com/spreadd/spreadd/logs/internal/queue"
	"github.com/spreadd/spreadd/logs/internal/sink"
)

// patience is for how long a test waits for what should come at once.
const patience = testkit.Patience

// said collects what a sink reports.
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

// rig is a sink under test, with the queue in front of it.
type rig struct {
	*testing.T
	s    *Sink
	q    *sink.Queued
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

// start starts one whose queue has the bounds of cfg.
func (r *rig) start(cfg Config) { r.startQueue(cfg, queue.Config{RetryLast: time.Second}, patience) }

func (r *rig) startQueue(cfg Config, bounds queue.Config, wait time.Duration) {
	r.Helper()
	s, err := Start(cfg)
	if err != nil {
		r.Fatalf("%v; it said %s", err, &r.said)
	}
	r.s = s
	if r.q, err = sink.NewQueued(s, sink.QueuedConfig{Name: "perl", Queue: bounds, EndWait: wait, Log: slog.New(slog.DiscardHandler)}); err != nil {
		r.Fatal(err)
	}
	r.q.Start(r.Context())
	r.Cleanup(func() {
		if !closed(s.closing) {
			_ = r.q.Close() // the test has failed
		}
	})
}

func (r *rig) put(messages ...string) { r.putFor("coolsite", r.s.cfg.Functions[0], messages...) }

func (r *rig) putFor(group, function string, messages ...string) {
	o := r.q.Outlet(function)
	for _, m := range messages {
		o.Put(&sink.Line{Text: []byte(m), Group: group, Sender: "#ap123#web1"})
	}
}

// waiting returns how many messages are not processed.
func (r *rig) waiting() int64 {
	st := r.q.Stats().Queue
	return st.Put - st.Delivered - st.Lost()
}

// close closes the sink, and checks that each message was counted once.
func (r *rig) close(messages int64) {
	r.Helper()
	if err := r.q.Close(); err != nil {
		r.Error(err)
	}
	st := r.s.PerlStats()
	if sum := st.Returned + st.Died + st.Interrupted; sum != messages || r.waiting() != 0 || st.PID != 0 {
		r.Errorf("%d messages became %+v, and %d wait; it said %s", messages, st, r.waiting(), &r.said)
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
			r.Fatalf("waited without success for %s; it said %s, and counted %+v", what, &r.said, r.s.PerlStats())
		}
	}
}

func (r *rig) want(text string) {
	r.Helper()
	if got := r.written(); got != text {
		r.Errorf("the module wrote\n%swant\n%s", got, text)
	}
}

// wantSaid waits for a text: what Perl prints comes by a pipe.
func (r *rig) wantSaid(text string) {
	r.Helper()
	r.wait(strconv.Quote(text)+" to be said", func() bool { return strings.Contains(r.said.String(), text) })
}

// TestLogger has a module as sites have them (spreadlogd §6, §15).
func TestLogger(t *testing.T) {
	r := &rig{T: t}
	cfg := r.config("mylogger")
	cfg.Hup = []string{"mylogger::reopen"}
	r.start(cfg)
	r.put("10.0.0.1 - - [20/Nov/2026:22:21:31 +0000] \"GET / HTTP/1.0\" 200 5\n", "second")
	r.wait("the lines", func() bool { return r.s.PerlStats().Returned == 2 })
	// Rotation: the file is moved away, and opened anew on HUP.
	if err := os.Rename(r.out, r.out+".1"); err != nil {
		t.Fatal(err)
	}
	r.q.Reopen()
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

// TestConventions: what a function gets, and that nothing it does is in the way of the next call.
func TestConventions(t *testing.T) {
	r := &rig{T: t}
	cfg := r.config("odd")
	cfg.Functions = append(cfg.Functions, "plain", "main::plain", "odd::auto::thing")
	cfg.Hup = []string{"odd::hup", "odd::hup"}
	r.start(cfg)
	r.wantSaid("odd is loaded")
	r.put("one\n", "", "bytes \xff\xc3\xbc", "two\nlines\n", "a\x00b", "stdin", "print", "warn", "redefine", "after")
	for _, function := range cfg.Functions[1:] {
		r.putFor("g", function, strings.Repeat("long", 60000))
	}
	r.close(13)
	const head = "3|scalar|#ap123#web1|coolsite|"
	long := "|#ap123#web1|g|" + strings.Repeat("long", 60000) + "\n"
	r.want("hup|0\nhup|0\n" +
		head + "one\\n\n" + head + "\n" + head + "bytes \xff\xc3\xbc\n" + head + "two\\nlines\\n\n" + head + "a\n" +
		head + "stdin\nend of input\n" + head + "print\n" + head + "warn\n" + head + "redefine\nnew|#ap123#web1|coolsite|after\n" +
		"plain" + long + "plain" + long + "autoload odd::auto::thing" + long + "END\n")
	r.wantSaid("printed")
	r.wantSaid("careful")
	if st := r.s.PerlStats(); st.CutAtNUL != 1 || st.Starts != 1 {
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
	r.q.Reopen()
	r.close(5)
	if st := r.s.PerlStats(); st.Died != 3 || st.Returned != 2 || st.DiedHup != 2 || st.Starts != 1 {
		t.Errorf("counted %+v", st)
	}
	r.wantSaid("odd::log died: at once")
	r.wantSaid("odd::log died: HASH")
	r.wantSaid("odd::log died: without a reason")
	r.wantSaid("odd::badhup died: no hup today")
	if n := strings.Count(r.written(), "|alive\n"); n != 1 {
		t.Errorf("the last message was processed %d times", n)
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
	if st := r.s.PerlStats(); st.Interrupted != 3 || st.Returned != 3 || st.Starts != 4 {
		t.Errorf("counted %+v", st)
	}
	r.wantSaid("perl ended; restarting: exit status 3; pause 1ms")
	r.wantSaid("pause 4ms")
}

// TestBackoff: a module that ends with each message is not started in a loop.
func TestBackoff(t *testing.T) {
	r := &rig{T: t}
	cfg := r.config("odd")
	cfg.restartFirst, cfg.restartLast, cfg.EndWait = 30*time.Millisecond, time.Minute, time.Second
	r.startQueue(cfg, queue.Config{}, time.Second)
	for range 100 {
		r.put("exit")
	}
	began := time.Now()
	r.wait("five starts", func() bool { return r.s.PerlStats().Starts == 5 })
	if took := time.Since(began); took < (30+60+120+240)*time.Millisecond {
		t.Errorf("started five times in %v", took)
	}
	if err := r.q.Close(); err == nil || !strings.Contains(err.Error(), "lines are lost") {
		t.Errorf("Close says %v", err)
	}
	if st := r.s.PerlStats(); st.Interrupted+r.q.Stats().Queue.Dropped["at_end"] != 100 || st.Starts > 7 {
		t.Errorf("counted %+v, %+v", st, r.q.Stats().Queue)
	}
}

// TestSlow: Put does not wait; what there is no room for is counted, and nothing else is lost.
func TestSlow(t *testing.T) {
	r := &rig{T: t}
	r.startQueue(r.config("odd"), queue.Config{LimitBytes: 20_000}, patience)
	message := "slow" + strings.Repeat(".", 96)
	began := time.Now()
	for range 1000 {
		r.put(message)
		if st := r.q.Stats().Queue; st.WaitingBytes > 20_000 {
			t.Errorf("%d bytes wait", st.WaitingBytes)
		}
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("Put has waited: %v", took)
	}
	taken := int(1000 - r.q.Stats().Queue.Lost())
	if taken < 100 || taken == 1000 {
		t.Errorf("%d taken, counted %+v", taken, r.q.Stats().Queue)
	}
	r.close(int64(taken))
	if n := strings.Count(r.written(), "|slow"); n != taken {
		t.Errorf("%d of %d were processed", n, taken)
	}
}

// TestHangs: a function that does not return is reported, and does not delay the end.
func TestHangs(t *testing.T) {
	r := &rig{T: t}
	cfg := r.config("odd")
	cfg.hangTime, cfg.watchInterval = 50*time.Millisecond, 10*time.Millisecond
	r.startQueue(cfg, queue.Config{}, 100*time.Millisecond)
	r.put("hang", "never")
	r.wait("a word about it", func() bool { return strings.Contains(r.said.String(), "Perl function does not return: ") })
	for range 3000 { // more than a pipe holds
		r.put(strings.Repeat("x", 100))
	}
	if err := r.q.Close(); err == nil || !strings.Contains(err.Error(), "3001 lines are lost") {
		t.Errorf("Close says %v", err)
	}
	if st := r.s.PerlStats(); st.Interrupted != 1 || r.q.Stats().Queue.Dropped["at_end"] != 3001 {
		t.Errorf("counted %+v, %+v", st, r.q.Stats().Queue)
	}
}

// TestHangsInWrite: the same while the pipe is full.
func TestHangsInWrite(t *testing.T) {
	r := &rig{T: t}
	r.startQueue(r.config("odd"), queue.Config{BatchBytes: 1 << 20, BatchLines: 5000, BatchDelay: 100 * time.Millisecond}, 100*time.Millisecond)
	r.put("hang")
	for range 3000 {
		r.put(strings.Repeat("x", 100))
	}
	r.wait("the function", func() bool { return strings.Contains(r.written(), "|hang") })
	began := time.Now()
	if err := r.q.Close(); err == nil || !strings.Contains(err.Error(), "3000 lines are lost") {
		t.Errorf("Close says %v", err)
	}
	if took := time.Since(began); took > 15*time.Second { // Config.EndWait is 20 s
		t.Errorf("ended after %v", took)
	}
	if st := r.s.PerlStats(); st.Interrupted != 1 {
		t.Errorf("counted %+v", st)
	}
}

// TestDelivered: what is acknowledged is what was put, whatever happened to it.
func TestDelivered(t *testing.T) {
	r := &rig{T: t}
	r.start(r.config("odd"))
	r.put("a", "die", "exit", "b")
	r.putFor("g", "from::another::configuration", "x")
	r.wait("all", func() bool { return r.q.Stats().Queue.Delivered == 5 })
	r.wantSaid("a message is for a function that is not in the configuration")
	r.put("exit") // it is done when perl has ended
	r.wait("the last", func() bool { return r.q.Stats().Queue.Delivered == 6 })
	r.close(6)
}

// TestOldSpool: spools of the first version have the function in the place of the virtual host.
func TestOldSpool(t *testing.T) {
	r := &rig{T: t}
	r.start(r.config("odd"))
	q, err := queue.Open(queue.Config{})
	if err != nil {
		t.Fatal(err)
	}
	q.Put(&queue.Entry{Line: []byte("old"), Group: "g", Sender: "#s#h", VHost: []byte("odd::log")})
	b, err := q.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r.close(0)
	if r.s.function(entryOf(b)) != 0 {
		t.Error("its function is not found")
	}
}

func entryOf(b *queue.Batch) *queue.Entry {
	for _, e := range b.Entries() {
		return e
	}
	return nil
}

// TestStop: perl is stopped at once, whatever [Config.EndWait] is, and the queue has what it had
// not begun.
func TestStop(t *testing.T) {
	r := &rig{T: t}
	r.startQueue(r.config("odd"), queue.Config{}, 50*time.Millisecond)
	r.put("a", "b", "hang", "c", "d")
	r.wait("the function", func() bool { return r.s.PerlStats().Returned == 2 })
	began := time.Now()
	if err := r.q.Close(); err == nil || !strings.Contains(err.Error(), "2 lines are lost") {
		t.Errorf("Close says %v", err)
	}
	if took := time.Since(began); took > 15*time.Second { // Config.EndWait is 20 s
		t.Errorf("ended after %v", took)
	}
	if st, q := r.s.PerlStats(), r.q.Stats().Queue; q.Delivered != 3 || st.Returned != 2 || st.Interrupted != 1 || q.Dropped["at_end"] != 2 {
		t.Errorf("counted %+v, %+v", st, q)
	}
}

// TestLoud: what modules print is logged, but only so much of it.
func TestLoud(t *testing.T) {
	r := &rig{T: t}
	cfg := r.config("odd")
	cfg.Load = cfg.Load[:2]
	r.start(cfg)
	r.put("loud")
	r.close(1)
	st := r.s.PerlStats()
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
		{"exits", func(c *Config) { c.Load[1].Use = "leaves" }, "perl ended: exit status 7; its last output was: bye"},
		{"hangs", func(c *Config) { c.Load[1].Use = "sleeps" }, "not loaded after 2s"},
		{"no function", func(c *Config) { c.Functions[0] = "odd::lgo" }, "there is no function odd::lgo"},
		{"no function for HUP", func(c *Config) { c.Hup = []string{"hup"} }, "there is no function hup"},
		{"not a name", func(c *Config) { c.Functions[0] = "odd::" }, "there is no function odd::"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := base
			cfg.Load = append([]Step(nil), base.Load...)
			cfg.Functions = append([]string(nil), base.Functions...)
			tt.change(&cfg)
			s, err := Start(cfg)
			if start, ok := errors.AsType[*StartError](err); !ok || !strings.Contains(start.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if s != nil {
				_ = s.Close()
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
