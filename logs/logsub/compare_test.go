package logsub

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/logs/internal/lineindex"
	"github.com/spreadd/spreadd/logs/internal/peer"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/archive"
	"github.com/spreadd/spreadd/spread"
	"github.com/spreadd/spreadd/spread/spreadtest"
)

// indexedHost is a configuration of a log host with its files below a directory.
func indexedHost(t *testing.T, d *spreadtest.Daemon, dir string) Config {
	t.Helper()
	return Config{
		Dial: dialer(d), StatsInterval: -1, Heal: Heal{Listen: "127.0.0.1:0"}, Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})),
		Connections: []Connection{{Address: "4803", Logs: healedLogs(dir)}},
	}
}

// healedLogs are logs with an index, of which one is cut by size and compressed.
func healedLogs(dir string) []Log {
	return []Log{
		{Group: "a", File: filepath.Join(dir, "all"), Envelope: EnvelopeIndex, Keep: Keeping{Size: 4000, Compress: archive.Gzip}},
		{Group: "a", File: filepath.Join(dir, "%{vhost}/x.log"), Envelope: EnvelopeIndex},
	}
}

// runHost runs a subscriber until stop is called.
func runHost(t *testing.T, cfg Config, change ...func(*Subscriber)) (s *Subscriber, stop func()) {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range change {
		f(s)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	<-s.Ready()
	return s, stop
}

// TestCompare: two log hosts are compared over the network while they run, whatever they have
// compressed; and differences are named.
func TestCompare(t *testing.T) {
	d := spreadtest.New("h1")
	defer d.Close()
	one, two := t.TempDir(), t.TempDir()
	cfg := indexedHost(t, d, one)
	runHost(t, cfg)
	other := indexedHost(t, d, two)
	other.Connections[0].Logs[0].Keep.Compress = archive.None
	second, _ := runHost(t, other)
	conn, err := dialer(d)(t.Context(), "4803", "web")
	if err != nil {
		t.Fatal(err)
	}
	for n := range 300 {
		line := fmt.Sprintf("www%d GET /%d\n", n%2, n)
		if err := conn.Multicast(t.Context(), spread.Agreed, 0, []byte(sealed("web", 1, 0, uint64(n), line)), "a"); err != nil {
			t.Fatal(err)
		}
	}
	waitIdentical(t, 300, one, two)
	address := second.healer.listener.Addr().String()
	compare := func() (Comparison, []string) {
		var found []string
		c, err := Compare(t.Context(), cfg, address, func(line string) { found = append(found, line) })
		if err != nil {
			t.Fatal(err)
		}
		return c, found
	}
	if c, found := compare(); c.Different != 0 || len(found) > 0 || c.Lines != 600 || c.Files < 4 {
		t.Errorf("%+v, %q", c, found)
	}
	compareReplaced(t, cfg, address)
	path := filepath.Join(two, "www1/x.log")
	text := read(t, path)
	if err := os.WriteFile(path, []byte(strings.Replace(text, "GET /7", "GET /8", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, found := compare(); c.Different != 1 || len(found) != 1 || !strings.Contains(found[0], `www1/x.log: line 4 (byte 21) differs: here "GET /7", on `+address+` "GET /8"`) {
		t.Errorf("%+v, %q", c, found)
	}
}

// TestCompareCuts: files that were cut by size in other places are equal if their lines are.
func TestCompareCuts(t *testing.T) {
	d := spreadtest.New("h1")
	defer d.Close()
	one, two := t.TempDir(), t.TempDir()
	cfg := indexedHost(t, d, one)
	runHost(t, cfg)
	other := indexedHost(t, d, two)
	other.Connections[0].Logs[0].Keep.Size = 1700
	second, _ := runHost(t, other)
	newPublisherOf(t, dialer(d), "4803", "web").send(300)
	waitSame(t, uncut, 300, one, two)
	var found []string
	c, err := Compare(t.Context(), cfg, second.healer.listener.Addr().String(), func(line string) { found = append(found, line) })
	if err != nil || c.Different != 0 || c.Lines != 600 || len(found) != 1 || !strings.Contains(found[0], "another configuration") {
		t.Errorf("%+v, %q, %v", c, found, err)
	}
	path := filepath.Join(two, "all")
	if err := os.WriteFile(path, []byte(strings.Replace(read(t, path), "GET /299", "GET /298", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	found = nil
	c, err = Compare(t.Context(), cfg, second.healer.listener.Addr().String(), func(line string) { found = append(found, line) })
	if err != nil || c.Different != 1 || len(found) != 2 || !strings.Contains(found[1], `/all: line 300 `) {
		t.Errorf("%+v, %q, %v", c, found, err)
	}
}

// compareReplaced compares the files of a log, of which one is replaced while it is read, as is done with
// a file that gets missing lines.
func compareReplaced(t *testing.T, cfg Config, address string) {
	t.Helper()
	logs, err := indexedLogs(&cfg)
	if err != nil {
		t.Fatal(err)
	}
	x := logs[1]
	disk := &replacing{path: filepath.Join(x.template.Base(), "www0/x.log")}
	x.served.Files.Disk = disk
	client := peer.NewClient(t.Context(), address, nil)
	defer client.Close()
	var c Comparison
	one := &comparison{ctx: t.Context(), client: client, log: x, report: func(line string) { t.Error(line) }, sum: &c}
	if err := one.run(); err != nil || c.Different != 0 || c.Lines != 300 || !disk.replaced {
		t.Errorf("%+v, %v, replaced: %v", c, err, disk.replaced)
	}
}

// replacing is a disk on which a log file is replaced when it is opened for the first time.
type replacing struct {
	fsutil.OS
	path     string
	replaced bool
}

// OpenFile implements [fsutil.FS].
func (r *replacing) OpenFile(path string, flag int, perm os.FileMode, devices bool) (fsutil.File, error) {
	if path == r.path && !r.replaced {
		r.replaced = true
		index := lineindex.Path(path)
		b, err := os.ReadFile(index)
		if err != nil {
			return nil, err
		}
		b[8]++ // the generation, by which a file is found again
		if err := os.WriteFile(index, b, 0o600); err != nil {
			return nil, err
		}
	}
	return r.OS.OpenFile(path, flag, perm, devices)
}
