package logsub

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/daemon/localring/localringtest"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/logs/internal/logline"
	"github.com/spreadd/spreadd/logs/logpub"
)

// logHosts is a ring with a web host, whose publisher a test feeds, and log hosts.
type logHosts struct {
	*testing.T
	ring *localringtest.Ring
	feed chan string
	pub  *logpub.Publisher
	log  testkit.Output
	sent int
	end  chan error
	stop context.CancelFunc

	address [3]string // of the daemons
}

// Read implements io.Reader: it passes lines to the publisher.
func (h *logHosts) Read(b []byte) (int, error) {
	text, ok := <-h.feed
	if !ok {
		return 0, io.EOF
	}
	return copy(b, text), nil
}

func newLogHosts(t *testing.T, change func(*logpub.Config)) *logHosts {
	t.Helper()
	h := &logHosts{T: t, ring: localringtest.New(t, "", "web", "log1", "log2"), feed: make(chan string), end: make(chan error, 1)}
	for i, d := range h.ring.StartAll() {
		h.address[i] = d.Address()
	}
	cfg := logpub.Config{
		Address: h.address[0], Groups: []string{"site"}, Publisher: "web", Spool: t.TempDir(), DrainTimeout: 2 * time.Second,
		Log: slog.New(slog.NewTextHandler(&h.log, nil)),
	}
	if change != nil {
		change(&cfg)
	}
	var err error
	if h.pub, err = logpub.New(cfg); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	h.stop = stop
	go func() { h.end <- h.pub.Run(ctx, h) }()
	return h
}

// send publishes n lines, some at a time.
func (h *logHosts) send(n int) {
	for n > 0 {
		var b strings.Builder
		for range min(n, 7) {
			fmt.Fprintf(&b, "line %d\n", h.sent)
			h.sent++
			n--
		}
		h.feed <- b.String()
		time.Sleep(time.Millisecond) //house:sleep the input of a web server is not one block
	}
}

// logHost is a running logsub.
type logHost struct {
	*testing.T
	file string
	sub  *Subscriber
	stop context.CancelFunc
	done chan error
}

func (h *logHosts) start(name, dir string, change func(*Config)) *logHost {
	h.Helper()
	l := &logHost{T: h.T, file: filepath.Join(dir, "site.log"), done: make(chan error, 1)}
	cfg := Config{
		Host: name, StatsInterval: -1,
		Connections: []Connection{{Address: h.address[map[string]int{"log1": 1, "log2": 2}[name]], Logs: []Log{{Group: "site", File: l.file, Envelope: EnvelopeIndex}}}},
	}
	if change != nil {
		change(&cfg)
	}
	var err error
	if l.sub, err = New(cfg); err != nil {
		h.Fatal(err)
	}
	ctx, stop := context.WithCancel(h.Context())
	l.stop = stop
	go func() { l.done <- l.sub.Run(ctx) }()
	h.Cleanup(func() { l.stop(); <-l.done; l.done <- nil })
	<-l.sub.Ready()
	return l
}

func (l *logHost) end() {
	l.stop()
	if err := <-l.done; err != nil {
		l.Error(err)
	}
	l.done <- nil
}

// want waits until a file has the lines that were sent, each once.
func (h *logHosts) want(file string) {
	h.Helper()
	want := make(map[string]bool)
	for n := range h.sent {
		want[fmt.Sprintf("line %d", n)] = true
	}
	testkit.Wait(h, "all lines in "+file, func() bool {
		b, err := os.ReadFile(file)
		if err != nil {
			return false
		}
		seen := make(map[string]bool)
		for line := range strings.Lines(string(b)) {
			line, whole := strings.CutSuffix(line, "\n")
			if !whole {
				return false // it is being written
			}
			if seen[line] || !want[line] {
				h.Fatalf("%s has %q twice, or by mistake", file, line)
			}
			seen[line] = true
		}
		return len(seen) == len(want)
	})
}

// wantSent waits until the publisher has forgotten all lines.
func (h *logHosts) wantSent() {
	h.Helper()
	testkit.Wait(h, "all lines acknowledged", func() bool {
		st := h.pub.Stats()
		return st.Sent == int64(h.sent) && st.Waiting == 0
	})
}

// close ends the publisher, and returns its error.
func (h *logHosts) close() error {
	close(h.feed)
	defer h.stop()
	return <-h.end
}

// TestWritten: lines are kept until a log host has written them, be there none at first, one that comes later, or one that comes
// back later than the publisher; each is written once.
func TestWritten(t *testing.T) {
	h := newLogHosts(t, nil)
	h.send(500)
	testkit.Wait(t, "a warning", func() bool { return strings.Contains(h.log.String(), "no log host") })
	if st := h.pub.Stats(); st.Sent != 0 || st.Waiting != 500 {
		t.Fatalf("without a log host: %+v", st)
	}
	dir := t.TempDir()
	began := time.Now()
	l := h.start("log1", dir, nil)
	h.want(l.file)
	t.Logf("a log host that comes has its lines after %v", time.Since(began).Round(time.Millisecond))
	h.wantSent()
	h.send(500)
	h.want(l.file)
	h.wantSent()

	// The log host is away, and the publisher sends on.
	l.end()
	h.send(500)
	l = h.start("log1", dir, nil)
	h.want(l.file)
	h.wantSent()
	if err := h.close(); err != nil {
		t.Error(err)
	}
	l.end()
	if st := h.pub.Stats(); st.Sent != 1500 {
		t.Errorf("at the end: %+v", st)
	}
}

// TestWrittenToNobody: at the end the lines are in the spool, and the log says for which groups.
func TestWrittenToNobody(t *testing.T) {
	spool := t.TempDir()
	h := newLogHosts(t, func(c *logpub.Config) { c.Spool, c.DrainTimeout = spool, time.Minute })
	h.send(300)
	if err := h.close(); err != nil { // long before DrainTimeout
		t.Error(err)
	}
	if st := h.pub.Stats(); st.Waiting != 300 || st.Sent != 0 {
		t.Errorf("at the end: %+v", st)
	}
	if log := h.log.String(); !strings.Contains(log, "groups=site lines=300") {
		t.Errorf("the log:\n%s", log)
	}
}

// TestWrittenTwice: with acks = 2, lines are kept until both log hosts have them.
func TestWrittenTwice(t *testing.T) {
	h := newLogHosts(t, func(c *logpub.Config) { c.Acks = 2 })
	one := h.start("log1", t.TempDir(), nil)
	h.send(300)
	h.want(one.file)
	if st := h.pub.Stats(); st.Sent != 0 {
		t.Errorf("%d lines are forgotten that one log host has", st.Sent)
	}
	two := h.start("log2", t.TempDir(), nil)
	h.want(two.file)
	h.wantSent()
	h.want(one.file)
	if err := h.close(); err != nil {
		t.Error(err)
	}
}

// TestWrittenFilter: lines that a filter leaves out are not kept.
func TestWrittenFilter(t *testing.T) {
	h := newLogHosts(t, nil)
	l := h.start("log1", t.TempDir(), func(c *Config) {
		c.Connections[0].Logs[0].Filter = logline.Rules{Sample: 0.5}
	})
	h.send(300)
	h.wantSent()
	if n := lineCount(t, l.file); n == 0 || n == 300 {
		t.Errorf("%d lines are written, want about half", n)
	}
	if err := h.close(); err != nil {
		t.Error(err)
	}
}

func lineCount(t *testing.T, file string) int {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(b), "\n")
}

// TestWrittenSilentGroup: lines for a group without a log host do not hold up those of another, and these leave the spool.
func TestWrittenSilentGroup(t *testing.T) {
	h := newLogHosts(t, func(c *logpub.Config) { c.Route = &logpub.Route{Field: 2, Prefix: "n"} })
	l := h.start("log1", t.TempDir(), func(c *Config) { c.Connections[0].Logs[0].Group = "n1" })
	const lines = 20_000
	for i := range lines {
		if i%3 == 0 {
			h.feed <- fmt.Sprintf("line 2 %d\n", i)
		} else {
			h.feed <- fmt.Sprintf("line 1 %d\n", i)
		}
	}
	const silent = lines/3 + 1
	testkit.Wait(t, "the lines of the live group", func() bool { return lineCount(t, l.file) == lines-silent })
	testkit.Wait(t, "only lines of the silent group wait, and few others stay in the spool", func() bool {
		st := h.pub.Stats()
		return st.Sent == lines-silent && st.Unheard == silent && st.Waiting == silent && st.SpoolLines <= 2*silent
	})
	// They keep their names.
	other := h.start("log2", t.TempDir(), func(c *Config) { c.Connections[0].Logs[0].Group = "n2" })
	testkit.Wait(t, "the lines of the other group", func() bool { return lineCount(t, other.file) == silent })
	testkit.Wait(t, "an empty spool", func() bool { return h.pub.Stats().Waiting == 0 })
	if st := other.sub.Stats().Publishers["web"]; st.Missing != st.Late || st.Lines != silent {
		t.Errorf("the log host of the other group has %+v", st)
	}
	if err := h.close(); err != nil {
		t.Error(err)
	}
	if st := h.pub.Stats(); st.Sent != lines {
		t.Errorf("at the end: %+v", st)
	}
}

// TestWrittenNoRoom: lines for which a log host has no room, because a file cannot be written, come again later, and once; in another
// log of the same lines, too, which has no index.
func TestWrittenNoRoom(t *testing.T) {
	h := newLogHosts(t, nil)
	dir := t.TempDir()
	file := filepath.Join(dir, "site")
	if err := os.Mkdir(file, 0o700); err != nil { // in the way
		t.Fatal(err)
	}
	other := filepath.Join(dir, "other.log")
	l := h.start("log1", t.TempDir(), func(c *Config) {
		c.Connections[0].Logs = []Log{
			{Group: "site", File: filepath.Join(dir, "%{group}"), Envelope: EnvelopeIndex},
			{Group: "site", File: other},
		}
		c.QueueBytes = 8 << 10
	})
	h.send(2000)
	testkit.Wait(t, "lines without room", func() bool {
		st := l.sub.Stats().Sink("files")
		return st.DroppedRecords+st.QueueDropped > 0
	})
	if st := h.pub.Stats(); st.Sent > 0 {
		t.Errorf("%d lines are forgotten that are in one of two files", st.Sent)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	h.want(file)
	h.wantSent()
	h.want(other)
	if err := h.close(); err != nil {
		t.Error(err)
	}
}

// TestWrittenSpoolFull: a group without a log host fills the spool. That costs only its own lines, which the log says with its
// name; a group that a log host writes goes on.
func TestWrittenSpoolFull(t *testing.T) {
	h := newLogHosts(t, func(c *logpub.Config) {
		c.Route, c.SpoolBytes, c.QueueBytes, c.BlockTime = &logpub.Route{Field: 2, Prefix: "n"}, logpub.MinSpoolBytes, 1<<20, 10*time.Second
	})
	l := h.start("log1", t.TempDir(), func(c *Config) { c.Connections[0].Logs[0].Group = "n1" })
	dead, live := 0, 0
	fill := strings.Repeat("x", 1000)
	send := func(n int) {
		for range n {
			h.feed <- fmt.Sprintf("line 2 %d %s\n", dead, fill)
			dead++
			if dead%10 == 0 {
				h.feed <- fmt.Sprintf("line 1 %d\n", live)
				live++
			}
		}
	}
	send(100)
	testkit.Wait(t, "a silent group", func() bool { return h.pub.Stats().Unheard > 0 })
	for range 200 {
		send(20)
		testkit.Wait(t, "the lines of the live group", func() bool { return lineCount(t, l.file) == live })
	}
	st := h.pub.Stats()
	if st.Dropped["group_full"] == 0 || st.Dropped["queue_full"]+st.Dropped["spool_full"] > 0 || st.Waiting < 600 {
		t.Errorf("dropped are %v, %d wait", st.Dropped, st.Waiting)
	}
	for _, g := range st.Groups {
		if want := map[string]int64{"n2": st.Dropped["group_full"]}[g.Groups]; g.Dropped != want {
			t.Errorf("group %s lost %d lines, want %d", g.Groups, g.Dropped, want)
		}
	}
	checkSpoolSize(t, h.pub)
	defer func() {
		if st := h.pub.Stats(); t.Failed() {
			t.Logf("%+v", st)
		}
	}()
	testkit.Wait(t, "the count of lines that wait, once no lines are moved", func() bool {
		st := h.pub.Stats()
		i := slices.IndexFunc(st.Groups, func(g logpub.GroupStats) bool { return g.Groups == "n2" })
		return st.Groups[i].Waiting == st.Waiting
	})
	if !strings.Contains(h.log.String(), "groups=n2") {
		t.Errorf("the log:\n%s", &h.log)
	}
	// Its log host comes: what was kept arrives, and the group has room again.
	other := h.start("log2", t.TempDir(), func(c *Config) { c.Connections[0].Logs[0].Group = "n2" })
	testkit.Wait(t, "what was kept", func() bool { return lineCount(t, other.file) == dead-int(st.Dropped["group_full"]) })
	lost := h.pub.Stats().Dropped["group_full"]
	testkit.Wait(t, "an empty spool", func() bool { return h.pub.Stats().Waiting == 0 })
	send(100)
	testkit.Wait(t, "new lines", func() bool { return lineCount(t, other.file) == dead-int(lost) })
	if err := h.close(); err != nil {
		t.Error(err)
	}
	if st := h.pub.Stats(); st.Sent+st.Dropped["group_full"] != int64(dead+live) {
		t.Errorf("at the end: %+v", st)
	}
	for _, g := range h.pub.Stats().Groups {
		if g.Sent+g.Dropped != g.Lines {
			t.Errorf("of %d lines for group %s, %d were sent and %d dropped", g.Lines, g.Groups, g.Sent, g.Dropped)
		}
	}
}

// TestWrittenStuck: a command that takes no lines holds up no acknowledgment of lines for files, and after a while only its own lines
// are lost, which the log says with its name.
func TestWrittenStuck(t *testing.T) {
	h := newLogHosts(t, func(c *logpub.Config) { c.Route = &logpub.Route{Field: 2, Prefix: "n"} })
	var log testkit.Output
	const command = "|exec sleep 600"
	l := h.start("log1", t.TempDir(), func(c *Config) {
		file := c.Connections[0].Logs[0].File
		c.Connections[0].Logs = []Log{
			{Group: "n1", File: file, Envelope: EnvelopeIndex},
			{Group: "n2", File: file + "2", Envelope: EnvelopeIndex},
			{Group: "n2", File: command},
		}
		c.QueueBytes, c.CommandWait, c.Patience = 128<<10, 100*time.Millisecond, 8*time.Second
		c.Log = slog.New(slog.NewTextHandler(&log, nil))
	})
	const lines = 400 // more than the pipe and the queue of the command hold
	fill := strings.Repeat("x", 1000)
	for i := range lines {
		h.feed <- fmt.Sprintf("line 2 %d %s\n", i, fill)
		h.feed <- fmt.Sprintf("line 1 %d\n", i)
	}
	testkit.Wait(t, "acknowledgments of the lines for a file", func() bool { return h.pub.Stats().Sent >= lines })
	if st := h.pub.Stats(); st.Sent == 2*lines {
		t.Error("lines that the command has no room for are forgotten at once")
	}
	testkit.Wait(t, "acknowledgments of all lines", func() bool { return h.pub.Stats().Sent == 2*lines })
	if n := lineCount(t, l.file+"2"); n != lines {
		t.Errorf("the file has %d lines of %d", n, lines)
	}
	if st := l.sub.Stats().Sink(command); st.Lost() == 0 {
		t.Errorf("no line of the command is counted as lost: %+v", st)
	}
	log.Wait(t, `msg="sink has no room; publishers no longer keep lines for it, and what it has no room for is lost" sink="`+command)
	if err := h.close(); err != nil {
		t.Error(err)
	}
}
