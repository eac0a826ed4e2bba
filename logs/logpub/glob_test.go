package logpub

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/logs/internal/input/container"
	"github.com/spreadd/spreadd/logs/internal/input/tail"
)

// logDir is a directory of log files, and a publisher that follows them by a pattern.
type logDir struct {
	t     *testing.T
	dir   string
	state string
	log   testkit.Output
	d     fakeDaemon
	cfg   GlobConfig
	p     *Publisher
	end   func()
}

func newLogDir(t *testing.T) *logDir {
	dir := t.TempDir()
	l := &logDir{t: t, dir: dir, state: filepath.Join(dir, "state")}
	l.cfg = GlobConfig{Config: tail.Config{Path: filepath.Join(dir, "*.log"), State: l.state}}
	return l
}

// start starts a publisher, and waits until it follows what there is.
func (l *logDir) start() {
	l.t.Helper()
	log := slog.New(slog.NewTextHandler(&l.log, nil))
	l.p = newPublisher(l.t, &l.d, func(c *Config) { c.Log = log })
	g, err := NewGlob(l.cfg, log)
	if err != nil {
		l.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(l.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.p.RunInputs(ctx, Input{Source: g}) }()
	l.end = func() {
		l.t.Helper()
		stop()
		if err := <-ended; err != nil {
			l.t.Error(err)
		}
	}
	time.Sleep(5 * time.Second) //house:sleep of the bubble
}

// syncs counts how often a directory is synced.
type syncs struct {
	fsutil.OS
	dir string
	n   atomic.Int64
}

// SyncDir implements [fsutil.FS].
func (s *syncs) SyncDir(dir string) error {
	if dir == s.dir {
		s.n.Add(1)
	}
	return s.OS.SyncDir(dir)
}

// TestGlobMakesState: the directory of positions is made and synced once, not for each file.
func TestGlobMakesState(t *testing.T) {
	l := newLogDir(t)
	disk := &syncs{dir: l.dir}
	l.cfg.Disk = disk
	for i := range 20 {
		l.write(fmt.Sprintf("web%c.log", 'a'+i), "")
	}
	synctest.Test(t, func(t *testing.T) {
		l.t = t
		l.start()
		l.end()
	})
	if n := disk.n.Load(); n != 1 {
		t.Errorf("synced %d times, want once", n)
	}
}

func (l *logDir) write(name, text string) {
	l.t.Helper()
	f, err := os.OpenFile(filepath.Join(l.dir, name), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err == nil {
		_, err = f.WriteString(text)
		_ = f.Close()
	}
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l *logDir) do(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
	time.Sleep(5 * time.Second) //house:sleep of the bubble
}

func (l *logDir) rename(from, to string) {
	l.t.Helper()
	l.do(os.Rename(filepath.Join(l.dir, from), filepath.Join(l.dir, to)))
}

// check checks which lines have come, in any order.
func (l *logDir) check(want ...string) {
	l.t.Helper()
	time.Sleep(5 * time.Second) //house:sleep of the bubble
	got := l.d.got()
	slices.Sort(got)
	for i := range want {
		want[i] += "\n"
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		l.t.Errorf("sent\n%q\nwant\n%q\n%s", got, want, l.log.String())
	}
}

// inputs returns the inputs with their lines.
func (l *logDir) inputs() (all []string) {
	for _, in := range l.p.Stats().Inputs {
		all = append(all, fmt.Sprintf("%s %d", strings.ReplaceAll(in.Name, l.dir+string(filepath.Separator), ""), in.Lines))
	}
	slices.Sort(all)
	return all
}

// TestGlob: files that match are followed, each by itself; what they had before is old, and new ones are read from their
// beginning, also those of the time between two processes. Rotated ones are read once.
func TestGlob(t *testing.T) {
	l := newLogDir(t)
	l.write("a.log", "old\n")
	l.write("b.log", "old\n")
	l.write("a.log.1", "older\n")
	testkit.Wait(t, "a time after that of the files, which may be ahead of the clock by a tick", func() bool {
		info, err := os.Stat(filepath.Join(l.dir, "a.log.1"))
		return err == nil && tail.FileClock() > info.ModTime().UnixNano()
	})
	synctest.Test(t, func(t *testing.T) {
		l.t = t
		l.start()
		l.write("a.log", "a1\n")
		l.write("b.log", "b1\n")
		l.write("c.log", "c1\n")
		l.check("a1", "b1", "c1")

		l.write("a.log", "a2\n")
		l.rename("a.log", "a-20261130.log")
		l.write("a-20261130.log", "a3\n")
		l.write("a.log", "a4\n")
		l.rename("c.log", "renamed.log")
		l.write("renamed.log", "c2\n")
		want := []string{"a1", "b1", "c1", "a2", "a3", "a4", "c2"}
		l.check(slices.Clone(want)...)

		l.do(os.Remove(filepath.Join(l.dir, "b.log")))
		time.Sleep(goneTime + time.Minute)
		if got, want := l.inputs(), []string{"file a.log 4", "file renamed.log 0", "files *.log 3"}; !slices.Equal(got, want) {
			t.Errorf("inputs %q, want %q", got, want)
		}
		l.write("renamed.log", "c3\n")
		l.write("b.log", "b2\n")
		want = append(want, "b2", "c3")
		l.check(slices.Clone(want)...)
		l.end()

		l.write("a.log", "a5\n")
		l.write("renamed.log", "c4\n")
		l.write("d.log", "d1\n")
		l.start()
		want = append(want, "a5", "c4", "d1")
		l.check(slices.Clone(want)...)
		l.end()
	})
}

// TestGlobCrowd: a pattern that is too wide is reported once, and files wait for others to go.
func TestGlobCrowd(t *testing.T) {
	l := newLogDir(t)
	l.cfg.MaxFiles, l.cfg.FromStart = 3, true
	for i := range 5 {
		l.write(fmt.Sprintf("%c.log", 'a'+i), fmt.Sprintf("line %d\n", i))
	}
	synctest.Test(t, func(t *testing.T) {
		l.t = t
		l.start()
		l.check("line 0", "line 1", "line 2")
		if n := strings.Count(l.log.String(), "more files match than may be followed"); n != 1 || !strings.Contains(l.log.String(), "waiting=2") {
			t.Errorf("reported %d times\n%s", n, l.log.String())
		}
		l.do(os.Remove(filepath.Join(l.dir, "b.log")))
		time.Sleep(goneTime + time.Minute)
		l.check("line 0", "line 1", "line 2", "line 3")
		l.end()
	})
}

// TestGlobNothing: a pattern without files is reported once.
func TestGlobNothing(t *testing.T) {
	l := newLogDir(t)
	synctest.Test(t, func(t *testing.T) {
		l.t = t
		l.start()
		time.Sleep(time.Minute)
		if n := strings.Count(l.log.String(), "level=WARN"); n != 1 || !strings.Contains(l.log.String(), "no file matches yet") {
			t.Errorf("reported %d times\n%s", n, l.log.String())
		}
		l.write("a.log", "first\n")
		l.check("first")
		l.end()
	})
}

// TestContainers: the lines of containers are taken out of their records, and parts of a line joined, over a restart.
func TestContainers(t *testing.T) {
	for format, file := range map[container.Format]string{
		container.Docker: `{"log":"GET /a\n","stream":"stdout"}` + "\n" + `{"log":"GET ","stream":"stdout"}` + "\n|" + `{"log":"/b\n","stream":"stdout"}` + "\n",
		container.CRI:    "2026 stdout F GET /a\n2026 stdout P GET \n|2026 stdout F /b\n",
	} {
		l := newLogDir(t)
		l.cfg.Format = format
		synctest.Test(t, func(t *testing.T) {
			l.t = t
			l.start()
			first, second, _ := strings.Cut(file, "|")
			l.write("x-json.log", first)
			l.check("GET /a")
			l.end()
			l.start()
			l.write("x-json.log", second)
			l.check("GET /a", "GET /b")
			l.write("x-json.log", "rubbish\n")
			l.check("GET /a", "GET /b", "rubbish")
			l.end()
			if n := strings.Count(l.log.String(), "lines in another format"); n != 1 {
				t.Errorf("reported %d times\n%s", n, l.log.String())
			}
		})
	}
}

// TestLateFile: a file that does not exist is reported at the start.
func TestLateFile(t *testing.T) {
	dir := t.TempDir()
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	synctest.Test(t, func(t *testing.T) {
		var d fakeDaemon
		p := newPublisher(t, &d, func(c *Config) { c.Log = log })
		f, err := NewFile(tail.Config{Path: filepath.Join(dir, "log"), State: dir}, log)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		if err := p.RunInputs(ctx, Input{Source: f}); err != nil {
			t.Error(err)
		}
	})
	if n := strings.Count(out.String(), `level=WARN msg="file does not exist yet"`); n != 1 {
		t.Errorf("reported %d times\n%s", n, out.String())
	}
}

// TestGlobEnd: the first scan of many files ends with the process.
func TestGlobEnd(t *testing.T) {
	l := newLogDir(t)
	for i := range 100 {
		l.write(fmt.Sprintf("%d.log", i), "one\n")
	}
	l.p = newPublisher(t, &l.d, nil)
	g, err := NewGlob(l.cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	in, err := l.p.intake(Input{Source: g})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	close(ended)
	in.ending = ended
	g.scan(t.Context(), in)
	if n := len(g.files); n > 0 {
		t.Errorf("follows %d files", n)
	}
}

// TestGlobCrowded: of more files than may be followed, those that are followed under another name do not wait.
func TestGlobCrowded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLogDir(t)
		l.cfg.MaxFiles = 1
		l.start()
		defer l.end()
		l.log.Wait(t, "following files")
		l.write("a.log", "one\n") // what a file had before would be old
		testkit.Wait(t, "the line", func() bool { return len(l.d.got()) == 1 })
		if err := os.Rename(filepath.Join(l.dir, "a.log"), filepath.Join(l.dir, "b.log")); err != nil {
			t.Fatal(err)
		}
		l.write("c.log", "two\n")
		if rest := l.log.Wait(t, "more files match than may be followed"); !strings.Contains(rest, "waiting=1 max_files=1") {
			t.Errorf("the log says %s", rest)
		}
	})
}
