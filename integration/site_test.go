package integration

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/integration/harness"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/internal/testkit/testskip"
)

// page is the document that all web servers serve.
const page = "hello\n"

// need returns the path of a program, or skips the test if it is not installed.
func need(t testing.TB, program, pack string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		testskip.Skip(t, fmt.Sprintf("%s is not installed (Debian: apt-get install %s)", program, pack))
	}
	return path
}

// site is a host with a daemon, log files, and a directory for a web server.
type site struct {
	t    testing.TB
	dir  string
	bin  string
	port int // the port of the daemon

	daemon *harness.Process
	subs   []*harness.Process
}

// newSite makes a site and starts the daemon.
func newSite(t testing.TB, bin string) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), bin: bin, port: freePort(t)}
	s.makeHtdocs()
	conf := s.write("spread.conf", fmt.Sprintf("Spread_Segment 127.0.0.255:%d {\n\tweb1 127.0.0.1 {\n\t\t127.0.0.1\n\t}\n}\n", s.port))
	s.daemon = harness.Launch(t, s.program("spreadd"), "-n", "web1", "-c", conf, "-socket-dir", "")
	testkit.Wait(t, "the daemon", func() bool { return answers(s.port) })
	return s
}

// makeHtdocs writes the page and lets a web server's user read it. It also makes the directories
// that packages bring.
func (s *site) makeHtdocs() {
	s.t.Helper()
	for _, dir := range []string{"htdocs", "spread", "nginx", "caddy", "lighttpd", "traefik", "logpub"} {
		if err := os.Mkdir(s.path(dir), 0o755); err != nil {
			s.t.Fatal(err)
		}
	}
	s.write("htdocs/page.html", page)
	if os.Getuid() == 0 {
		if err := openUp(s.dir); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *site) path(name string) string    { return filepath.Join(s.dir, name) }
func (s *site) program(name string) string { return filepath.Join(s.bin, name) }
func (s *site) write(name, text string) string {
	s.t.Helper()
	return writeFile(s.t, s.path(name), text)
}

// logsub starts a logsub that writes each group to a file of its name, and waits until it has
// joined.
func (s *site) logsub(groups ...string) {
	s.t.Helper()
	var conf strings.Builder
	fmt.Fprintf(&conf, "daemon = \"%d@127.0.0.1\"\n", s.port)
	for _, g := range groups {
		fmt.Fprintf(&conf, "[[log]]\ngroup = %q\nfile = %q\n", g, s.path(g+".log"))
	}
	p := harness.Launch(s.t, s.program("logsub"), "-c", s.write(fmt.Sprintf("logsub%d.toml", len(s.subs)), conf.String()))
	testkit.Wait(s.t, "a logsub to join", func() bool { return strings.Count(p.Output.String(), joinedGroup) == len(groups) })
	s.subs = append(s.subs, p)
}

// loghost starts the logsub that docs/logs/web-servers.md shows.
func (s *site) loghost() {
	s.t.Helper()
	conf := fmt.Sprintf("daemon = \"%d@127.0.0.1\"\n", s.port) + s.here(example(s.t, "Log hosts", "toml"))
	p := harness.Launch(s.t, s.program("logsub"), "-c", s.write("logsub.toml", conf))
	p.Expect(joinedGroup)
	s.subs = append(s.subs, p)
}

// logpub starts a logpub with a configuration file.
func (s *site) logpub(inputs string) *harness.Process {
	s.t.Helper()
	p := harness.Launch(s.t, s.program("logpub"), "-config",
		s.write("logpub.toml", fmt.Sprintf("daemon = \"%d@127.0.0.1\"\n", s.port)+s.here(inputs)))
	p.Expect(connected)
	return p
}

// here replaces the paths of a real host in a configuration by those of this site.
func (s *site) here(text string) string {
	return strings.NewReplacer(
		"/usr/bin/", s.bin+"/",
		"/var/log/", s.dir+"/",
		"/var/spool/", s.dir+"/spool-",
		"/var/lib/", s.dir+"/state-",
		"/run/", s.dir+"/",
		"4803", fmt.Sprintf("%d@127.0.0.1", s.port),
	).Replace(text)
}

// user returns a line of a server's configuration if the test runs as root, otherwise "".
func user(line string) string {
	if os.Getuid() == 0 {
		return line
	}
	return ""
}

// burst has wrk send as many requests as it can, each with a number of its own: for a second, or for
// as long as it takes to get a thousand answers.
func burst(t testing.TB, addr string, hosts ...string) {
	t.Helper()
	sum := 0
	harness.Reach(t, "answers", 1000, func() int64 {
		sum += load(t, addr, hosts...)
		return int64(sum)
	})
	t.Logf("wrk received %d answers", sum)
}

// load has wrk send requests for a second, and returns how many were answered.
func load(t testing.TB, addr string, hosts ...string) (answers int) {
	t.Helper()
	wrk := need(t, "wrk", "wrk")
	args := append([]string{"-t2", "-c32", "-d1s", "-s", "testdata/unique.lua", "http://" + addr, "--"}, hosts...)
	out, err := exec.CommandContext(t.Context(), wrk, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("wrk: %v\n%s", err, out)
	}
	// A server may close idle connections, which wrk reports as socket errors.
	if bad := regexp.MustCompile(`(?m)^.*Non-2xx.*$`).Find(out); bad != nil {
		t.Errorf("wrk reports: %s", bad)
	}
	m := regexp.MustCompile(`(\d+) requests in`).FindSubmatch(out)
	if m == nil {
		t.Fatalf("wrk prints no number of requests:\n%s", out)
	}
	answers, err = strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return answers
}

// lines counts each line of a file.
func lines(t testing.TB, path string) (count map[string]int, total int) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	count = make(map[string]int)
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		count[sc.Text()]++
		total++
	}
	if err := sc.Err(); err != nil {
		t.Fatal(err)
	}
	return count, total
}

// difference is the difference of two logs.
type difference struct {
	total, missing, foreign, repeated int
	example                           string // one of the lines that differ
}

// compare compares the lines of a log with those of the server's own log.
func compare(own, log map[string]int) difference {
	var d difference
	for line, n := range own {
		d.total += n
		switch got := log[line]; {
		case got < n:
			d.missing += n - got
			d.example = line
		case got > n:
			d.repeated += got - n
			d.example = line
		}
	}
	for line, n := range log {
		if _, ok := own[line]; !ok {
			d.foreign += n
			d.example = line
		}
	}
	return d
}

// same waits until a log has as many lines as the server's own log, and checks that they are the
// same lines in any order.
func same(t testing.TB, own, log string) {
	t.Helper()
	want, total := lines(t, own)
	if total == 0 {
		t.Fatalf("%s is empty", own)
	}
	harness.Reach(t, "lines in "+filepath.Base(log), int64(total), countLines(log))
	got, _ := lines(t, log)
	if d := compare(want, got); d.missing+d.foreign+d.repeated > 0 {
		t.Errorf("%s: of %d lines %d are missing, %d are repeated, and %d are foreign, such as %q",
			filepath.Base(log), d.total, d.missing, d.repeated, d.foreign, d.example)
	}
}

// within checks that a log has only lines of the server's own log, none repeated, and logs how many
// are missing.
func within(t testing.TB, own, log string) {
	t.Helper()
	want, total := lines(t, own)
	got, _ := lines(t, log)
	d := compare(want, got)
	if d.foreign+d.repeated > 0 {
		t.Errorf("%s: of %d lines %d are repeated, and %d are foreign, such as %q", filepath.Base(log), total, d.repeated, d.foreign, d.example)
	}
	t.Logf("%s lacks %d of %d lines", log, d.missing, total)
}

// countLines returns a function that counts the lines of a file that grows.
func countLines(path string) func() int64 {
	counted, offset := int64(0), int64(0)
	buf := make([]byte, 1<<20)
	return func() int64 {
		f, err := os.Open(path)
		if err != nil {
			return counted
		}
		defer func() { _ = f.Close() }()
		for {
			got, err := f.ReadAt(buf, offset)
			offset += int64(got)
			counted += int64(bytes.Count(buf[:got], []byte{'\n'}))
			if err != nil {
				return counted
			}
		}
	}
}

// request sends one request with a number.
func request(t testing.TB, addr, number string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := fmt.Fprintf(conn, "GET /page.html?request=%s HTTP/1.0\r\nHost: a.example\r\n\r\n", number); err != nil {
		t.Fatal(err)
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || !strings.Contains(answer, " 200 ") {
		t.Fatalf("request %s: %q, %v", number, answer, err)
	}
}

// example returns the first example of a language in a section of docs/logs/web-servers.md.
func example(t testing.TB, section, language string) string {
	t.Helper()
	return exampleOf(t, "../docs/logs/web-servers.md", section, language)
}

// exampleOf returns the first example of a language in a section of a page.
func exampleOf(t testing.TB, page, section, language string) string {
	t.Helper()
	_, text, ok := strings.Cut(readFile(t, page), "# "+section+"\n")
	text, _, _ = strings.Cut(text, "\n## ")
	_, text, found := strings.Cut(text, "```"+language+"\n")
	if !ok || !found {
		t.Fatalf("%s: section %q has no example of %s", page, section, language)
	}
	text, _, _ = strings.Cut(text, "```")
	return text
}
