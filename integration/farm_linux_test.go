package integration

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spreadd/spreadd/integration/harness"
	"github.com/spreadd/spreadd/integration/netns"
	"github.com/spreadd/spreadd/internal/testkit"
)

// TestFarm is a small web farm:
//
//	web1: Apache, piped log ──────▶ logpub ─▶ spreadd ─┐             ┌─ spreadd ─▶ logsub: log1
//	web2: nginx, its file ────────▶ logpub ─▶ spreadd ─┼─ a network ─┤
//	web3: nginx, its file and UDP ▶ logpub ─▶ spreadd ─┘             └─ spreadd ─▶ logsub: log2
//
// All three answer as fast as they can while daemons crash and restart. The log that each web
// server keeps itself is compared with the files of the log hosts.
func TestFarm(t *testing.T) {
	netns.Require(t)
	f := newFarm(t, "web1", "web2", "web3", "log1", "log2")
	web1, web2, web3, log1, log2 := f.hosts[0], f.hosts[1], f.hosts[2], f.hosts[3], f.hosts[4]
	for _, h := range f.hosts {
		h.startDaemon()
	}
	for _, h := range []*farmHost{log1, log2} {
		h.startLogsub()
	}
	web1.startApache()
	web2.startNginx("")
	web3.startNginx("access_log syslog:server=127.0.0.1:5514 combined;")

	// While both log hosts stay connected, they have every line once and in the same order.
	for _, h := range []*farmHost{web1, web2} {
		f.loadWhileKilling(h)
		f.complete(log1)
		f.complete(log2)
		if a, b := readFile(t, log1.path("logs/weblogs")), readFile(t, log2.path("logs/weblogs")); a != b {
			t.Errorf("the files of the log hosts differ after %s was killed", h.name)
		}
	}

	// A log host whose daemon crashed has the lines from before and after.
	f.loadWhileKilling(log1)
	f.complete(log2)
	log1.rejoined()
	f.incomplete(log1)
	f.load()()
	f.complete(log2)
	f.latest(log1)

	for _, h := range f.hosts {
		h.stop()
	}

	// After it is filled from the other one, the files are the same.
	if out, err := exec.CommandContext(t.Context(), filepath.Join(f.bin, "logsub"), "-fill", log1.path("logs"), "-from", log2.path("logs")).CombinedOutput(); err != nil {
		t.Errorf("logsub -fill: %v\n%s", err, out)
	}
	f.complete(log1)
	for _, name := range []string{"logs/weblogs", "logs/udp"} {
		if a, b := readFile(t, log1.path(name)), readFile(t, log2.path(name)); a != b {
			t.Errorf("%s differs after log1 was filled", name)
		}
	}
	// nginx drops datagrams when the socket is full. What logpub has received is there once.
	within(t, web3.path("access.log"), log2.path("logs/udp"))
}

// farm is a network of hosts.
type farm struct {
	t     testing.TB
	bin   string
	hub   *netns.Space // has the bridge, where host i is at port p<i>
	hosts []*farmHost
	marks map[string]int64 // lengths of the web servers' logs before the last load
}

// farmHost is a host of the farm, with a directory.
type farmHost struct {
	*netns.Space
	f      *farm
	name   string
	addr   string
	dir    string
	daemon *harness.Process
	all    []*harness.Process // the other programs, in the order in which to stop them
	own    string             // the web server's own log; empty on a log host
}

// newFarm builds the programs and makes the network: a bridge with the hosts around it.
func newFarm(t testing.TB, names ...string) *farm {
	t.Helper()
	bin := programs.Build(t, "spreadd", "logpub", "logsub")
	dir := t.TempDir()
	if err := openUp(dir); err != nil {
		t.Fatal(err)
	}
	hub := netns.New(t)
	hub.IP(t, "link set lo up", "link add farm type bridge mcast_snooping 0", "link set farm up")
	f := &farm{t: t, bin: bin, hub: hub, marks: make(map[string]int64)}
	for i, name := range names {
		h := &farmHost{Space: netns.New(t), f: f, name: name, addr: fmt.Sprintf("10.79.0.%d", i+1), dir: filepath.Join(dir, name)}
		f.hosts = append(f.hosts, h)
		hub.IP(t, fmt.Sprintf("link add p%d type veth peer name eth0 netns %s", i, h.Path()),
			fmt.Sprintf("link set p%d master farm", i), fmt.Sprintf("link set p%d up", i))
		h.IP(t, "link set lo up", "addr add "+h.addr+"/24 brd + dev eth0", "link set eth0 up", "route add default dev eth0")
		for _, d := range []string{"htdocs", "logs"} {
			if err := os.MkdirAll(h.path(d), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		writeFile(t, h.path("htdocs/page.html"), page)
	}
	// The timeouts are the shortest that work for many daemons on a few cores. The daemons stay
	// root, because a change of the user clears the parent-death signal. The queues are long,
	// because a log host that shares a few cores with many others may fall far behind.
	conf := "DaemonUser = root\nDaemonGroup = root\nMaxSessionMessages = 200000\n" +
		"TokenTimeout = 800\nHurryTimeout = 250\nAliveTimeout = 100\nJoinTimeout = 150\nRepTimeout = 350\nSegTimeout = 250\nGatherTimeout = 800\nFormTimeout = 800\nLookupTimeout = 2000\n" +
		"Spread_Segment 239.79.0.1:4803 {\n"
	var segment strings.Builder
	for _, h := range f.hosts {
		fmt.Fprintf(&segment, "\t%s %s\n", h.name, h.addr)
	}
	for _, h := range f.hosts {
		writeFile(t, h.path("spread.conf"), conf+segment.String()+"}\n")
	}
	return f
}

func (h *farmHost) path(name string) string { return filepath.Join(h.dir, name) }

// launch starts a program on the host. It ends with the test at the latest.
func (h *farmHost) launch(path string, args ...string) *harness.Process {
	h.f.t.Helper()
	return h.launchWith(nil, path, args...)
}

// launchWith is launch with a standard input.
func (h *farmHost) launchWith(stdin io.Reader, path string, args ...string) *harness.Process {
	h.f.t.Helper()
	cmd := exec.CommandContext(context.Background(), path, args...) // The clean-up ends it.
	cmd.Stdin = stdin
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return harness.Start(h.f.t, cmd, h.Do)
}

// answers waits until something accepts connections on a port.
func (h *farmHost) answers(port int) {
	h.f.t.Helper()
	testkit.Wait(h.f.t, fmt.Sprintf("port %d of %s", port, h.name), func() (ok bool) {
		h.Do(func() {
			c, err := new(net.Dialer).DialContext(h.f.t.Context(), "tcp", fmt.Sprintf("%s:%d", h.addr, port))
			if ok = err == nil; ok {
				_ = c.Close()
			}
		})
		return ok
	})
}

func (h *farmHost) startDaemon() {
	h.f.t.Helper()
	command := h.daemonCommand()
	h.daemon = h.launch(command[0], command[1:]...)
	h.answers(4803)
}

func (h *farmHost) daemonCommand() []string {
	return []string{filepath.Join(h.f.bin, "spreadd"), "-n", h.name, "-c", h.path("spread.conf"), "-socket-dir", ""}
}

func (h *farmHost) startLogsub() {
	h.f.t.Helper()
	command := h.logsubCommand("", "weblogs", "udp")
	p := h.launch(command[0], command[1:]...)
	h.all = append(h.all, p)
	testkit.Wait(h.f.t, "a logsub to join", func() bool { return strings.Count(p.Output.String(), joinedGroup) == 2 })
}

// logsubCommand returns the command of a logsub that writes each group to a file of its name. Other
// tables of its configuration may follow.
func (h *farmHost) logsubCommand(tables string, groups ...string) []string {
	h.f.t.Helper()
	var conf strings.Builder
	conf.WriteString("daemon = \"4803@" + h.addr + "\"\n")
	for _, g := range groups {
		conf.WriteString(fmt.Sprintf("[[log]]\ngroup = %q\nfile = %q\nenvelope = \"index\"\n", g, h.path("logs/"+g)))
	}
	return []string{filepath.Join(h.f.bin, "logsub"), "-c", writeFile(h.f.t, h.path("logsub.toml"), conf.String()+tables)}
}

// rejoined waits until the logsub has rejoined its groups.
func (h *farmHost) rejoined() {
	h.f.t.Helper()
	testkit.Wait(h.f.t, "the logsub of "+h.name+" to join again", func() bool {
		return strings.Count(h.all[0].Output.String(), joinedGroup+" again") == 2
	})
}

func (h *farmHost) startApache() {
	h.f.t.Helper()
	apache := need(h.f.t, "apache2", "apache2")
	h.own = h.path("own.log")
	conf := writeFile(h.f.t, h.path("httpd.conf"), fmt.Sprintf(`
ServerRoot %[1]q
ServerName %[2]s
Listen %[2]s:80
PidFile httpd.pid
ErrorLog error.log
DefaultRuntimeDir %[1]q
LoadModule mpm_event_module %[3]s/mod_mpm_event.so
LoadModule authz_core_module %[3]s/mod_authz_core.so
DocumentRoot "%[1]s/htdocs"
MaxKeepAliveRequests 0
User www-data
Group www-data
LogFormat "%%h %%l %%u %%t \"%%r\" %%>s %%b \"%%{Referer}i\" \"%%{User-Agent}i\"" combined
CustomLog own.log combined
CustomLog "|%[4]s -s 4803@%[2]s -g weblogs -publisher %[5]s -spool %[1]s/spool" combined
`, h.dir, h.addr, modules, filepath.Join(h.f.bin, "logpub"), h.name))
	h.all = append(h.all, h.launch(apache, "-DFOREGROUND", "-f", conf))
	h.f.t.Cleanup(func() {
		if h.f.t.Failed() {
			h.f.t.Logf("Apache and its logpub said at the end:\n%s", tail(h.f.t, h.path("error.log")))
		}
	})
	h.answers(80)
}

// startNginx starts an nginx that logs to a file, and a logpub that follows the file.
func (h *farmHost) startNginx(more string) {
	h.f.t.Helper()
	inputs := ""
	if more != "" {
		inputs = "\n[[input]]\nsyslog = \"udp:127.0.0.1:5514\"\ngroups = [\"udp\"]\n"
	}
	command := h.logpubCommand(inputs)
	pub := h.launch(command[0], command[1:]...)
	h.serveNginx(more)
	h.all = append(h.all, pub)
}

// logpubCommand returns the command of a logpub that follows the log of nginx.
func (h *farmHost) logpubCommand(inputs string) []string {
	h.f.t.Helper()
	conf := fmt.Sprintf(`
daemon = "4803@%s"
groups = ["weblogs"]
publisher = %q
state = %q

[spool]
dir = %q

[[input]]
file = %q
from_start = true
`, h.addr, h.name, h.path("state"), h.path("spool"), h.path("access.log"))
	return []string{filepath.Join(h.f.bin, "logpub"), "-config", writeFile(h.f.t, h.path("logpub.toml"), conf+inputs)}
}

// serveNginx starts an nginx that logs to a file.
func (h *farmHost) serveNginx(more string) {
	h.f.t.Helper()
	nginx := need(h.f.t, "nginx", "nginx")
	h.own = h.path("access.log")
	h.all = append(h.all, h.launch(nginx, "-p", h.dir+"/", "-e", "stderr", "-c", writeFile(h.f.t, h.path("nginx.conf"),
		fmt.Sprintf(nginxConf, h.addr+":80", "access_log access.log combined;\n"+more, "user www-data www-data;"))))
	h.answers(80)
}

// stop stops all programs on the host.
func (h *farmHost) stop() {
	for _, p := range h.all {
		p.Stop()
	}
	h.daemon.Stop()
}

// webs returns the web hosts.
func (f *farm) webs() (webs []*farmHost) {
	for _, h := range f.hosts {
		if h.own != "" {
			webs = append(webs, h)
		}
	}
	return webs
}

// enough is the number of bytes by which a log has to grow under load before a test continues.
const enough = 512 << 10

// load starts a load of all web servers and waits until each has answered some thousands of
// requests. It returns a function that ends the load.
func (f *farm) load() (end func()) {
	f.t.Helper()
	wrk := need(f.t, "wrk", "wrk")
	var loads []*harness.Process
	for _, h := range f.webs() {
		f.marks[h.own] = size(h.own)
		loads = append(loads, h.launch(wrk, "-t1", "-c8", "-d600s", "-s", "testdata/unique.lua", "http://"+h.addr))
	}
	for _, h := range f.webs() {
		harness.Reach(f.t, "bytes in the log of "+h.name, f.marks[h.own]+enough, func() int64 { return size(h.own) })
	}
	return func() {
		f.t.Helper()
		for _, p := range loads {
			p.StopBy(os.Interrupt)
			out := p.Output.String()
			if !regexp.MustCompile(`[1-9]\d* requests in`).MatchString(out) || strings.Contains(out, "Non-2xx") {
				f.t.Errorf("wrk reports:\n%s", out)
			}
		}
	}
}

// loadWhileKilling kills the daemon of a host during a load, and restarts it.
func (f *farm) loadWhileKilling(h *farmHost) {
	f.t.Helper()
	end := f.load()
	h.daemon.Kill()
	// The others continue without it, so that a log host misses something.
	f.grows("without " + h.name)
	h.startDaemon()
	f.grows("with " + h.name + " again")
	end()
}

// grows waits until the last log host has received more lines.
func (f *farm) grows(when string) {
	f.t.Helper()
	log := f.hosts[len(f.hosts)-1]
	before := size(log.path("logs/weblogs"))
	harness.Reach(f.t, "bytes on "+log.name+" "+when, before+enough, func() int64 { return size(log.path("logs/weblogs")) })
}

// answered returns the log lines of the web servers, and their number.
func (f *farm) answered() (count map[string]int, total int) {
	f.t.Helper()
	count = make(map[string]int)
	for _, w := range f.webs() {
		own, n := lines(f.t, w.own)
		for line, n := range own {
			count[line] += n
		}
		total += n
	}
	return count, total
}

// complete waits until a log host has as many lines as the web servers, and checks that it has each
// line once and nothing else.
func (f *farm) complete(h *farmHost) {
	f.t.Helper()
	want, total := f.answered()
	began := time.Now()
	harness.Reach(f.t, "lines on "+h.name, int64(total), countLines(h.path("logs/weblogs")))
	got, _ := lines(f.t, h.path("logs/weblogs"))
	d := compare(want, got)
	if d.missing+d.foreign+d.repeated > 0 {
		f.t.Errorf("%s: of %d lines %d are missing, %d are repeated, and %d are foreign, such as %q",
			h.name, d.total, d.missing, d.repeated, d.foreign, d.example)
	}
	f.t.Logf("%s has all %d lines %v after the load", h.name, total, time.Since(began).Round(time.Millisecond))
}

// incomplete checks that a log host that was disconnected misses lines, as the test intends, and
// has no repeated or foreign lines.
func (f *farm) incomplete(h *farmHost) {
	f.t.Helper()
	want, total := f.answered()
	got, _ := lines(f.t, h.path("logs/weblogs"))
	d := compare(want, got)
	if d.foreign+d.repeated > 0 || d.missing == 0 {
		f.t.Errorf("%s: of %d lines %d are missing, %d are repeated, and %d are foreign, such as %q",
			h.name, total, d.missing, d.repeated, d.foreign, d.example)
	}
	f.t.Logf("%s missed %d of %d lines while it was away", h.name, d.missing, total)
}

// latest waits until a log host has the lines of the last load, each once.
func (f *farm) latest(h *farmHost) {
	f.t.Helper()
	want := make(map[string]int)
	total := 0
	for _, w := range f.webs() {
		for line := range strings.Lines(readFile(f.t, w.own)[f.marks[w.own]:]) {
			want[strings.TrimSuffix(line, "\n")]++
			total++
		}
	}
	var d difference
	testkit.Wait(f.t, "the latest lines on "+h.name, func() bool {
		got, _ := lines(f.t, h.path("logs/weblogs"))
		d = compare(want, got)
		return d.missing == 0
	})
	if d.repeated > 0 {
		f.t.Errorf("%s repeats %d of the last %d lines, such as %q", h.name, d.repeated, total, d.example)
	}
}
