package logsub

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/spreadd/spreadd/logs/internal/logline"
	"github.com/spreadd/spreadd/logs/internal/sink"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink"
)

// TestDaemonStats: what a connection counts, over an outage.
func TestDaemonStats(t *testing.T) {
	bubble(t, Config{StatsInterval: -1}, []Log{{Group: "a", File: "a"}, {Group: "b", File: "b"}}, func(f *farm) {
		check := func(what string, want DaemonStats) {
			f.Helper()
			if got := f.sub.Stats().Daemons; len(got) != 1 || got[0] != want {
				f.Errorf("%s: %+v, want %+v", what, got, want)
			}
		}
		session := "#" + f.sub.receivers[0].name() + "#alpha"
		want := DaemonStats{Address: "4803", Session: session, Connects: 1, Connected: true, Groups: 2, Joined: 2}
		check("at first", want)
		time.Sleep(time.Hour) //house:sleep runs in a bubble
		f.send("one\n", "a")
		f.send("two!\n", "b")
		want.Messages, want.Bytes, want.Last = 2, 9, time.Now()
		check("after two messages", want)
		time.Sleep(time.Hour) //house:sleep runs in a bubble
		f.daemon.SetDown(true)
		time.Sleep(time.Minute) //house:sleep runs in a bubble
		st := f.sub.Stats().Daemons[0]
		want.Connected, want.Session, want.Joined, want.Failures = false, "", 0, st.Failures
		check("away", want)
		if st.Failures < 5 {
			f.Errorf("%d failures in a minute", st.Failures)
		}
		f.daemon.SetDown(false)
		time.Sleep(time.Minute) //house:sleep runs in a bubble
		want.Connected, want.Session, want.Joined, want.Connects = true, session, 2, 2
		check("back", want)
	})
}

// TestLogStats: what a log counts, the lines that it leaves out and the times that lines bear included.
func TestLogStats(t *testing.T) {
	logs := []Log{
		{Group: "a", File: "all"},
		{Group: "a", File: "some", Match: []*regexp.Regexp{regexp.MustCompile("m")}, Filter: logline.Rules{
			Drop: []logline.Condition{{Match: regexp.MustCompile("secret")}},
		}, VHost: logline.VHostStrip},
	}
	bubble(t, Config{StatsInterval: -1}, logs, func(f *farm) {
		time.Sleep(time.Hour) //house:sleep runs in a bubble, where it is now 01:00 on the first of January 2000
		f.send("h [01/Jan/2000:00:59:50 +0000] m\n", "a")
		f.send("h secret m\n", "a")
		f.send("h x\n", "a")
		newest := time.Date(2000, 1, 1, 0, 59, 50, 0, time.UTC)
		got := f.sub.Stats().Logs
		for i := range got {
			got[i].Newest = got[i].Newest.UTC()
		}
		want := []LogStats{
			{Group: "a", File: filepath.Join(f.dir, "all"), Lines: 3, Bytes: 33 + 11 + 4, Newest: newest, Delay: 10 * time.Second},
			{Group: "a", File: filepath.Join(f.dir, "some"), Lines: 1, Bytes: 31, NoMatch: 1, Filtered: 1, Newest: newest, Delay: 10 * time.Second},
		}
		if !slices.Equal(got, want) {
			f.Errorf("logs: %+v, want %+v", got, want)
		}
		if st := f.sub.Stats(); st.Dropped["no_match"] != 1 || st.Dropped["filtered"] != 1 {
			f.Errorf("dropped: %v", st.Dropped)
		}
		// A line of the future has no delay.
		f.send("h [01/Jan/2000:01:00:09 +0000] m\n", "a")
		if l := f.sub.Stats().Logs[0]; l.Delay != 0 || l.Newest.Unix() != newest.Unix()+19 {
			f.Errorf("after a line of the future: %+v", l)
		}
	})
}

// TestSinkStats: descriptors, evictions and cuts are counted, and files that fail until they work again.
func TestSinkStats(t *testing.T) {
	logs := []Log{{Group: "a", File: "%{vhost}"}, {Group: "b", File: "b", Keep: Keeping{Size: 10}}, {Group: "c", File: "sub/%{vhost}"}}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range logs {
		logs[i].File = filepath.Join(dir, logs[i].File)
	}
	bubble(t, Config{StatsInterval: -1, OpenFiles: 3, QueueBytes: 4000}, logs, func(f *farm) {
		for i := range 5 {
			f.send(fmt.Sprintf("h%d line\n", i), "a")
		}
		f.send("123456789\n", "b")
		f.send("123456789\n", "b")
		st := f.sub.Stats().Sinks[0]
		want := SinkStats{
			Name: "files", Label: "files", QueueLimit: 4000, OpenFiles: 3 + 1, Evictions: 2, Cuts: 1,
			Stats: sink.Stats{Records: 7, Bytes: 5*5 + 20, Reopens: st.Reopens},
		}
		if st != want {
			f.Errorf("files: %+v, want %+v", st, want)
		}
		// A directory where a file should be.
		if err := os.Mkdir(filepath.Join(dir, "sub", "x"), 0o755); err != nil {
			t.Fatal(err)
		}
		f.send("x line\n", "c")
		if st := f.sub.Stats().Sinks[0]; st.Failing != 1 || st.Errors == 0 || st.Waiting != 5 {
			f.Errorf("a file that cannot be opened: %+v", st)
		}
		if err := os.Remove(filepath.Join(dir, "sub", "x")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute) //house:sleep runs in a bubble
		if st := f.sub.Stats().Sinks[0]; st.Failing != 0 || st.Waiting != 0 || st.Records != 8 {
			f.Errorf("a file that can be opened again: %+v", st)
		}
	})
}

// TestDroppedBytes: what is dropped is counted in bytes, too.
func TestDroppedBytes(t *testing.T) {
	bubble(t, Config{StatsInterval: -1, BufferSize: 10}, []Log{{Group: "a", File: "a"}}, func(f *farm) {
		f.send("more than ten bytes\n", "a")
		f.send("x", f.sub.receivers[0].private())
		if got := f.sub.Stats().DroppedBytes; got["too_long"] != 20 || got["no_log"] != 1 {
			f.Errorf("dropped bytes: %v", got)
		}
	})
	w := (&Subscriber{cfg: Config{QueueBytes: 1000}}).newWriter("w", filesink.New(filesink.Config{}))
	to := &target{w: w}
	w.put([]item{{to: to, payload: make([]byte, 500)}, {to: to, payload: make([]byte, 500)}, {to: to, payload: make([]byte, 7)}})
	st := w.stats()
	if want := (SinkStats{Name: "w", Label: "w", QueueLines: 1, QueueBytes: 500 + 128, QueueLimit: 1000, QueueDropped: 2, QueueDroppedBytes: 507}); st != want {
		t.Errorf("a queue that is full: %+v, want %+v", st, want)
	}
	if n := w.s.count.droppedBytes[dropQueue].Load(); n != 507 {
		t.Errorf("%d bytes dropped", n)
	}
}

// TestSinkLabels: what stands behind the name of a command may be secret.
func TestSinkLabels(t *testing.T) {
	s := &Subscriber{}
	for _, tt := range []struct{ name, want string }{
		{"|mysql -psecret", "|mysql"}, {"| mysql", "|mysql#2"}, {"|mysql x", "|mysql#3"}, {"|", "|"}, {"files", "files"},
	} {
		got := s.sinkLabel(tt.name)
		if got != tt.want {
			t.Errorf("%q is %q, want %q", tt.name, got, tt.want)
		}
		s.writers = append(s.writers, &writer{label: got})
	}
}

// private is the private group of the session; it has one once it has joined.
func (r *receiver) private() string { return "#" + r.name() + "#alpha" }

// lost is how many lines a sink was too slow for.
func lost(st Stats, sink string) int64 {
	k := st.Sink(sink)
	return k.Lost()
}
