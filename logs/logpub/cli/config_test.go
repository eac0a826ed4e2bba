package cli

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/conf/tomlconf"
	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/prom/promtest"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/logs/internal/logline"
	"github.com/spreadd/spreadd/logs/logpub"
)

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// whole has every key, with other values than the defaults.
const whole = `daemon = ["4803", "4803@other"]
name = "web"
groups = ["weblogs"]
service = "agreed"
type = -3
vhost = "www.b.example"
vhost_word = "clean"
plain = true
publisher = "web1"
batch_size = "4KiB"
max_line = "8KiB"
delivery = "ordered"
queue = "1MiB"
full = "drop-oldest"
block_time = "100ms"
drain_timeout = "3s"
stall_time = "20s"
return_interval = "30s"
stats_interval = "0s"
metrics = "127.0.0.1:9804"
state = "/var/lib/logpub"

[spool]
dir = "/var/spool/logpub"
size = "2MiB"
delay = "500ms"

[route]
field = 1
vhost = true
prefix = "v-"
max_groups = 100

[[input]]
stdin = true

[[input]]
file = "/access.log"
from_start = true
groups = ["nginx"]
vhost = "www.a.example"

[[input]]
syslog = "unixgram:/run/logpub.sock"
raw = true
vhost_word = "strip"

[input.route]

[[input.route.rule]]
match = " 5[0-9][0-9] "
groups = ["errors", "weblogs"]
`

// former is a file with every key that was renamed.
const former = `daemons = ["4803", "4803@other"]
groups = ["weblogs"]
queue_bytes = 1048576
block = "100ms"
drain = "-1s"
stats = "-1s"
stall = "20s"
return = "0s"
batch_bytes = 4096

[spool]
bytes = 2097152
after = "500ms"

[[input]]
stdin = true
`

// TestFormerKeys: each warns of its name of today, and means what it meant.
func TestFormerKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logpub.toml")
	writeFile(t, path, former)
	var stdout, stderr testkit.Output
	if status := run(t.Context(), []string{"-check", "-c", path}, strings.NewReader(""), &stdout, &stderr); status != flags.OK {
		t.Fatalf("status %d: %s", status, &stderr)
	}
	const want = `daemon = ["4803", "4803@other"]
groups = ["weblogs"]
batch_size = "4KiB"
queue = "1MiB"
block_time = "100ms"
drain_timeout = "0s"
stall_time = "20s"
stats_interval = "0s"

[spool]
size = "2MiB"
delay = "500ms"

[[input]]
stdin = true
`
	if stdout.String() != want {
		t.Errorf("it prints\n%s\nwant\n%s", &stdout, want)
	}
	for _, w := range []string{
		"logpub.toml:1:1: warning: daemons is now called daemon", "queue_bytes is now called queue", "block is now called block_time",
		"drain is now called drain_timeout", "stats is now called stats_interval", "stall is now called stall_time", "return is now called return_interval",
		"batch_bytes is now called batch_size", "logpub.toml:12:1: warning: bytes is now called size", "after is now called delay",
	} {
		if !strings.Contains(stderr.String(), w+"\n") {
			t.Errorf("no warning %q in\n%s", w, &stderr)
		}
	}
	writeFile(t, path, "queue = 1\n"+former)
	if _, err := load(t.Context(), path, nil); err == nil || !strings.Contains(err.Error(), ":4:1: queue_bytes is the former name of queue, and both are set") {
		t.Error(err)
	}
}

func TestConfigFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logpub.toml")
	writeFile(t, path, whole)
	l, err := load(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := l.cfg
	if c.Address != "4803" || len(c.Fallbacks) != 1 || c.Service.String() != "AGREED" || c.MessType != -3 || c.BlockTime != 100*time.Millisecond ||
		c.Policy.String() != "drop-oldest" || !c.Route.VHost || c.BatchBytes != 4096 || c.SpoolAfter != 500*time.Millisecond || c.Delivery != logpub.Ordered || c.StatsInterval >= 0 {
		t.Errorf("read as %+v", c)
	}
	if rules := l.file.Inputs[2].Route.route().Rules; len(rules) != 1 || !rules[0].Match.MatchString("x 503 y") {
		t.Errorf("rules %v", rules)
	}
	for _, tt := range []struct{ from, to, want string }{
		{"name =", "namex =", "logpub.toml:2:1: unknown key \"namex\"; did you mean name?"},
		{"delay =", "dleay =", "logpub.toml:26:1: unknown key \"dleay\""},
		{"raw =", "rwa =", "logpub.toml:45:1: unknown key \"rwa\""},
		{"[route]", "[rout]", "logpub.toml:28:1: unknown key \"rout\"; did you mean route?"},
		{`"agreed"`, `"best"`, `logpub.toml:4:1: service is "best", want unreliable, reliable, fifo, causal, agreed or safe`},
		{`"100ms"`, `"soon"`, `logpub.toml:15:1: block_time: "soon" is not a duration`},
		{`[0-9] "`, `[0-9 "`, "logpub.toml:51:1: match: error parsing regexp: missing closing ]"},
		{"stdin = true", "", "logpub.toml:34:1: this input has 0 of stdin, file, syslog and journal"},
		{"unixgram:", "pigeon:", `logpub.toml:44:1: syslog "pigeon:/run/logpub.sock"`},
		{`["nginx"]`, `["a b"]`, `logpub.toml:40:11: `},
		{`"strip"`, `"eat"`, `logpub.toml:46:1: vhost_word is "eat", want auto, none, keep, clean or strip`},
		{`"www.a.example"`, `"www a"`, `logpub.toml:37:1: `},
		{"type = -3", "type = 40000", "logpub.toml:5:1: type is 40000, want -32768 to 32767"},
		{`max_line = "8KiB"`, "max_line = 1", "longest line of 1 bytes"},
		{"file = \"/access.log\"", "stdin = true", "2 inputs read standard input"},
		{"file = \"/access.log\"", "file = \"/[log\"", `logpub.toml:38:1: "/[log": syntax error in pattern; a [ needs its ]`},
		{"file = \"/access.log\"", "file = \"/access.log\"\nformat = \"k8s\"", `logpub.toml:39:1: format is "k8s", want plain, docker or cri`},
		{"= ", "", "logpub.toml:1:"},
	} {
		writeFile(t, path, strings.Replace(whole, tt.from, tt.to, 1))
		var stdout, stderr testkit.Output
		if status := run(t.Context(), []string{"-check", "-config", path}, strings.NewReader(""), &stdout, &stderr); status != flags.Failed || !strings.Contains(stderr.String(), tt.want) {
			t.Errorf("%s: status %d, says %q, want %q", tt.to, status, &stderr, tt.want)
		}
	}
	writeFile(t, path, whole)
	var stdout, stderr testkit.Output
	if status := run(t.Context(), []string{"-check", "-config", path}, strings.NewReader(""), &stdout, &stderr); status != flags.OK || strings.Count(stderr.String(), "\n") != 1 ||
		!strings.Contains(stderr.String(), "logpub.toml:38:1: warning: open /access.log: it is read from its beginning once it appears") {
		t.Errorf("status %d, says %q", status, &stderr)
	}
	if stdout.String() != whole {
		t.Errorf("it prints\n%s\nand has read\n%s", &stdout, whole)
	}
	if status := run(t.Context(), []string{"-c", path, "-check", "-v", "-log-format", "json"}, strings.NewReader(""), io.Discard, &stderr); status != flags.OK {
		t.Errorf("with flags for this run: status %d, says %q", status, &stderr)
	}
	if status := run(t.Context(), []string{"-config", path, "-g", "x"}, strings.NewReader(""), &stdout, &stderr); status != flags.Misuse || !strings.Contains(stderr.String(), "-c and -g exclude each other") {
		t.Errorf("status %d, says %q", status, &stderr)
	}
}

// TestFileDefaults: they are those of package logpub, and the words of the tags are its words.
func TestFileDefaults(t *testing.T) {
	var f File
	if _, err := tomlconf.Read("x", []byte("[[input]]\nstdin = true\n"), &f); err != nil {
		t.Fatal(err)
	}
	c := f.publisher()
	if c.StallTime != logpub.DefaultStallTime || c.ReturnInterval != logpub.DefaultReturnInterval || c.BlockTime != logpub.DefaultBlockTime ||
		c.DrainTimeout != logpub.DefaultDrainTimeout || c.SpoolAfter != logpub.DefaultSpoolAfter || c.SpoolBytes != logpub.DefaultSpoolBytes {
		t.Errorf("read as %+v", c)
	}
	for i, word := range []string{"auto", "none", "keep", "clean", "strip"} {
		if logline.VHostWord(i).String() != word {
			t.Errorf("the word %d for virtual hosts is %q", i, word)
		}
	}
	for i, word := range []string{"drop-newest", "drop-oldest", "block"} {
		if logpub.Policy(i).String() != word {
			t.Errorf("policy %d is %q", i, word)
		}
	}
}

// TestCheckPrints: what -check prints of a command line is a file that says the same.
func TestCheckPrints(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logpub.toml")
	for args, want := range map[string]string{
		"-g x": "groups = [\"x\"]\n\n[[input]]\nstdin = true\n",
		"-s 1@a -s 2@b -g x -u me -service safe -type 7 -vhost-field 2 -vhost v -vhost-word clean -plain -publisher p -batch 4KiB -max-line 2KiB -delivery ordered -queue 1MiB " +
			"-spool /s -spool-bytes 2MiB -spool-after 2s -full block -block -1s -drain 1s -metrics :9804 -stats 2m": "",
		"-g x -envelope -confirm -batch 0": "groups = [\"x\"]\nbatch_size = 0\ndelivery = \"ordered\"\n\n[[input]]\nstdin = true\n",
		"-g x -plain":                      "groups = [\"x\"]\nplain = true\nbatch_size = 0\n\n[[input]]\nstdin = true\n",
	} {
		var stdout, stderr testkit.Output
		if status := run(t.Context(), append(strings.Fields(args), "-check"), strings.NewReader(""), &stdout, &stderr); status != flags.OK || want != "" && stdout.String() != want {
			t.Fatalf("%s: status %d, %s, printed\n%s", args, status, &stderr, &stdout)
		}
		writeFile(t, path, stdout.String())
		l, err := load(t.Context(), path, nil)
		if err != nil {
			t.Fatal(err)
		}
		o, err := parse(strings.Fields(args))
		if err != nil {
			t.Fatal(err)
		}
		if got := tomlconf.Format(l.file); got != stdout.String() {
			t.Errorf("read back it is\n%s\nwant\n%s", got, &stdout)
		}
		if got := tomlconf.Format(fileOf(&l.cfg, l.file.Metrics)); got != tomlconf.Format(fileOf(&o.cfg, o.metrics)) {
			t.Errorf("it says\n%s\nwant\n%s", got, &stdout)
		}
	}
}

// TestServe: inputs of a configuration file publish, and a new file comes into use by reload.
func TestServe(t *testing.T) {
	d, address := serveDaemon(t)
	sub := subscribe(t, d, "a", "b")
	dir := t.TempDir()
	path := filepath.Join(dir, "logpub.toml")
	socket := filepath.Join(dir, "s")
	text := "daemons = [\"" + address + "\"]\nname = \"web\"\ngroups = [\"GROUP\"]\nmetrics = \"127.0.0.1:0\"\n[[input]]\nsyslog = \"unixgram:" + socket + "\"\n"
	writeFile(t, path, strings.Replace(text, "GROUP", "a", 1))
	ctx, stop := context.WithCancel(t.Context())
	var stderr testkit.Output
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, []string{"-config", path}, strings.NewReader(""), io.Discard, &stderr) }()
	send := func(text string) {
		t.Helper()
		limit := time.After(patience)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			conn, err := net.Dial("unixgram", socket)
			if err == nil {
				_, err = io.WriteString(conn, text)
				_ = conn.Close()
			}
			if err == nil {
				return
			}
			select {
			case <-tick.C:
			case <-limit:
				t.Fatalf("%v: %s", err, &stderr)
			}
		}
	}
	send("<190>Nov 21 10:00:00 nginx: one")
	if got := next(t, sub); !strings.Contains(got, `one\n"`) {
		t.Errorf("received %s", got)
	}
	writeFile(t, path, "nonsense")
	hangUp(t)
	stderr.Wait(t, "keeping the old one")
	writeFile(t, path, strings.Replace(text, "GROUP", "b", 1))
	hangUp(t)
	stderr.Wait(t, "configuration reloaded")
	stderr.Wait(t, "msg=stopped")
	send("<190>Nov 21 10:00:00 nginx: two")
	if got := next(t, sub); !strings.Contains(got, `two\n"`) {
		t.Errorf("received %s", got)
	}
	waitForMetrics(t, &stderr, map[string]float64{
		"logpub_received_lines_total":                                   2, // of both publishers
		"logpub_sent_lines_total":                                       2,
		`logpub_syslog_messages_total{input="unixgram ` + socket + `"}`: 2,
		`logpub_group_lines_total{group="a"}`:                           1,
		`logpub_group_lines_total{group="b"}`:                           1,
		`logpub_connects_total{daemon="` + address + `"}`:               2,
		"logpub_config_loads_total":                                     2,
		"logpub_config_failures_total":                                  1,
	})
	stop()
	if status := <-ended; status != flags.OK {
		t.Errorf("status %d: %s", status, &stderr)
	}
}

// waitForMetrics waits until the metrics that the log says are served have values.
func waitForMetrics(t *testing.T, log *testkit.Output, want map[string]float64) {
	t.Helper()
	_, addr, ok := strings.Cut(log.String(), `msg="serving metrics" address=`)
	addr, _, _ = strings.Cut(addr, "\n")
	if !ok || strings.Count(log.String(), "serving metrics") != 1 {
		t.Fatalf("the log does not say once that metrics are served: %s", log)
	}
	limit := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		p := promtest.Scrape(t, "http://"+addr)
		if p.Has(want) {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			p.Want(t, want)
			return
		}
	}
}

// hangUp sends this process the signal by which the configuration is read again.
func hangUp(t *testing.T) {
	t.Helper()
	p, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = p.Signal(syscall.SIGHUP)
	}
	if err != nil {
		t.Skip(err) // not on Windows
	}
}

// TestDocumented: the configuration in the documentation is one.
func TestDocumented(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "logs", "logpub.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(doc), "```toml\n")
	if len(blocks) != 5 {
		t.Fatalf("%d examples", len(blocks)-1)
	}
	path := filepath.Join(t.TempDir(), "logpub.toml")
	first, _, _ := strings.Cut(blocks[1], "```")
	journal, _, _ := strings.Cut(blocks[2], "```")
	byField, byRule, _ := strings.Cut(blocks[3], "[route]            # or by the first")
	byRule, _, _ = strings.Cut(byRule, "```")
	forms, _, _ := strings.Cut(blocks[4], "```")
	for _, more := range []string{"", journal, byField, "[route] #" + byRule, forms} {
		writeFile(t, path, first+more)
		if _, err := load(t.Context(), path, nil); err != nil {
			t.Errorf("%v in:\n%s", err, first+more)
		}
	}
}

// TestPatterns: a file that is an input and matches the pattern of another one is a mistake, and files of a pattern that cannot
// be read, or are not there, are warnings.
func TestPatterns(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "logpub.toml")
	for _, tt := range []struct {
		files  []string
		status int
		want   string
	}{
		{[]string{dir + "/*.log", dir + "/a.log"}, flags.Failed, "a.log\" is an input already; keep one of them"},
		{[]string{dir + "/a.log", dir + "/?.log"}, flags.Failed, "?.log\" is an input already"},
		{[]string{dir + "/a.log", dir + "/b/*.log"}, flags.OK, "b: no such file or directory"},
		{[]string{dir + "/*.txt"}, flags.OK, ":6:1: warning: no file matches \"" + dir + "/*.txt\" yet"},
		{[]string{dir + "/*.toml"}, flags.OK, ""},
	} {
		var text strings.Builder
		fmt.Fprintf(&text, "groups = [\"g\"]\nstate = %q\n", dir)
		for _, file := range tt.files {
			fmt.Fprintf(&text, "\n\n[[input]]\nfile = %q\n", file)
		}
		writeFile(t, path, text.String())
		var stdout, stderr testkit.Output
		status := run(t.Context(), []string{"-check", "-c", path}, strings.NewReader(""), &stdout, &stderr)
		if status != tt.status || !strings.Contains(stderr.String(), tt.want) || tt.want == "" && stderr.String() != "" {
			t.Errorf("%q: status %d, says %s", tt.files, status, &stderr)
		}
	}
}
