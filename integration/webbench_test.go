//go:build unix

package integration

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spreadd/spreadd/integration/harness"
	"github.com/spreadd/spreadd/internal/testkit"
)

var (
	roundTime = flag.Duration("round", time.Second, "`duration` of the load for each way of logging in a round of BenchmarkWebServers, in whole seconds")
	pageBytes = flag.Int("page-bytes", 10_000, "size of the page of BenchmarkWebServers in `bytes`")
	pinServer = flag.String("pin-server", "", "`processors` of web servers in BenchmarkWebServers, in the form of taskset -c (default: all)")
	pinLoad   = flag.String("pin-load", "", "`processors` of wrk")
	pinLog    = flag.String("pin-log", "", "`processors` of logpub and the daemon")
)

// pinned puts taskset in front of a command.
func pinned(t testing.TB, to string, command ...string) []string {
	t.Helper()
	if to == "" {
		return command
	}
	return append([]string{need(t, "taskset", "util-linux"), "-c", to}, command...)
}

// way is a web server with one way of logging.
type way struct {
	name   string
	addr   string
	pids   []int // process ids of the server
	pub    []int // process ids of logpub
	daemon []int // process ids of the daemon

	// For each round: requests per second, and nanoseconds of processor time per request.
	rate, cpu, pubCPU, daemonCPU []float64
}

// BenchmarkWebServers measures how many requests per second web servers answer when they do not
// log, log to a file, and log through logpub to a daemon that is healthy, down or frozen. A round
// runs all of these one after the other. The results are medians of the ratio to the same round
// without a log. On a busy machine the processor time and the best rounds are more meaningful.
//
//	go test ./integration -run '^$' -bench WebServers -benchtime 10x -round 2s -page-bytes 10000
func BenchmarkWebServers(b *testing.B) {
	need(b, "wrk", "wrk")
	for _, bm := range []struct {
		name  string
		start func(*bed, string) *way
		ways  []string
	}{
		{"Apache", (*bed).apache, []string{"off", "file", "healthy", "down", "frozen"}},
		{"nginx", (*bed).nginx, []string{"off", "file", "healthy", "down", "frozen"}},
		{"nginx-unbuffered", (*bed).nginx, []string{"off", "unbuffered-file", "unbuffered-healthy", "udp-healthy", "unix-healthy"}},
	} {
		b.Run(bm.name, func(b *testing.B) {
			bed := newBed(b)
			var ways []*way
			for _, w := range bm.ways {
				ways = append(ways, bm.start(bed, w))
			}
			first := 0
			for b.Loop() {
				for i := range ways {
					bed.load(ways[(first+i)%len(ways)], *roundTime)
				}
				first++
			}
			off := ways[0]
			for _, w := range ways {
				b.Logf("%-13s %8.0f requests/s, %.3f of those without a log, in the best rounds %.3f; processor time each: server %5.1f µs (%.3f), logpub %5.2f µs, daemon %5.2f µs",
					w.name, median(w.rate), ratio(w.rate, off.rate), slices.Max(w.rate)/slices.Max(off.rate), median(w.cpu)/1e3, median(w.cpu)/median(off.cpu), median(w.pubCPU)/1e3, median(w.daemonCPU)/1e3)
				if w != off {
					b.ReportMetric(ratio(w.rate, off.rate), w.name+"/off")
				}
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// ratio returns the median of the ratios of the rounds.
func ratio(of, to []float64) float64 {
	r := make([]float64, len(of))
	for i := range of {
		r[i] = of[i] / to[i]
	}
	return median(r)
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	n := len(v)
	return (v[(n-1)/2] + v[n/2]) / 2
}

// bed is the site of a benchmark.
type bed struct{ *site }

func newBed(b *testing.B) *bed {
	b.Helper()
	b.Setenv("GOMAXPROCS", "1") // For daemons, as in docs/logs/web-servers.md; logpub sets it itself.
	s := &site{t: b, dir: b.TempDir(), bin: programs.Build(b, "spreadd", "logpub")}
	s.makeHtdocs()
	s.write("htdocs/page.html", strings.Repeat("x", *pageBytes))
	return &bed{site: s}
}

// begin makes a directory for a way, and starts its daemon if the name of the way says so. It
// returns the port for the web server and the address of the daemon.
func (bd *bed) begin(name string) (w *way, web int, spread string) {
	bd.t.Helper()
	if err := os.Mkdir(bd.path(name), 0o777); err != nil { //nolint:gosec // Web servers log here with users of their own.
		bd.t.Fatal(err)
	}
	if err := os.Symlink("../htdocs", bd.path(name+"/htdocs")); err != nil {
		bd.t.Fatal(err)
	}
	web = freePort(bd.t)
	w = &way{name: name, addr: fmt.Sprintf("127.0.0.1:%d", web)}
	port := freePort(bd.t)
	spread = fmt.Sprintf("%d@127.0.0.1", port)
	if strings.HasSuffix(name, "healthy") || strings.HasSuffix(name, "frozen") {
		conf := bd.write(name+"/spread.conf", fmt.Sprintf("Spread_Segment 127.0.0.255:%d {\n\tweb1 127.0.0.1 {\n\t\t127.0.0.1\n\t}\n}\n", port))
		d := bd.pin(*pinLog, bd.program("spreadd"), "-n", "web1", "-c", conf, "-socket-dir", "")
		testkit.Wait(bd.t, "a daemon", func() bool { return answers(port) })
		w.daemon = append(w.daemon, d.Cmd.Process.Pid)
	}
	return w, web, spread
}

// pin starts a program on the given processors.
func (bd *bed) pin(to string, command ...string) *harness.Process {
	bd.t.Helper()
	command = pinned(bd.t, to, command...)
	return harness.Launch(bd.t, command[0], command[1:]...)
}

// end freezes the daemon if the name of the way says so. logpub is connected already.
func (bd *bed) end(w *way) *way {
	bd.t.Helper()
	if !strings.HasSuffix(w.name, "frozen") {
		return w
	}
	p, err := os.FindProcess(w.daemon[0])
	if err != nil {
		bd.t.Fatal(err)
	}
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		bd.t.Fatal(err)
	}
	return w
}

// apache starts an Apache that logs in this way.
func (bd *bed) apache(name string) *way {
	bd.t.Helper()
	path := need(bd.t, "apache2", "apache2")
	w, web, spread := bd.begin(name)
	dir := bd.path(name)
	log, said := "", bd.path(name+"/error.log")
	switch name {
	case "off":
	case "file":
		log = "CustomLog access.log combined"
	default:
		log = fmt.Sprintf("CustomLog \"|%s -s %s -g weblogs -spool %s/spool\" combined", bd.program("logpub"), spread, dir)
	}
	conf := bd.write(name+"/httpd.conf", fmt.Sprintf(`
ServerRoot %[1]q
ServerName 127.0.0.1
Listen 127.0.0.1:%[2]d
PidFile httpd.pid
ErrorLog error.log
DefaultRuntimeDir %[1]q
LoadModule mpm_event_module %[3]s/mod_mpm_event.so
LoadModule authz_core_module %[3]s/mod_authz_core.so
DocumentRoot "%[1]s/htdocs"
MaxKeepAliveRequests 0
%[4]s
LogFormat "%%h %%l %%u %%t \"%%r\" %%>s %%b \"%%{Referer}i\" \"%%{User-Agent}i\"" combined
%[5]s
`, dir, web, modules, user("User www-data\nGroup www-data"), log))
	server := bd.pin(*pinServer, path, "-DFOREGROUND", "-f", conf)
	testkit.Wait(bd.t, "Apache", func() bool { return answers(web) })
	request(bd.t, w.addr, "0")
	w.pids = []int{server.Cmd.Process.Pid}
	if log != "" && name != "file" {
		var pub int
		testkit.Wait(bd.t, "the logpub of Apache, which a shell may have to become first", func() bool {
			pub = childNamed(server.Cmd.Process.Pid, "logpub")
			return pub != 0
		})
		w.pub = append(w.pub, pub)
		if *pinLog != "" {
			if out, err := exec.CommandContext(bd.t.Context(), "taskset", "-apc", *pinLog, strconv.Itoa(pub)).CombinedOutput(); err != nil {
				bd.t.Fatalf("taskset: %v: %s", err, out)
			}
		}
		if !strings.HasSuffix(name, "down") {
			testkit.Wait(bd.t, "logpub to connect", func() bool { return strings.Contains(readFile(bd.t, said), connected) })
		}
	}
	return bd.end(w)
}

// nginx starts an nginx that logs in this way.
func (bd *bed) nginx(name string) *way {
	bd.t.Helper()
	path := need(bd.t, "nginx", "nginx")
	w, web, spread := bd.begin(name)
	dir := bd.path(name)
	log, input := "access_log access.log combined buffer=64k flush=1s;", fmt.Sprintf("file = %q", dir+"/access.log")
	switch kind, _, _ := strings.Cut(name, "-"); kind {
	case "off":
		log = "access_log off;"
	case "unbuffered":
		log = "access_log access.log combined;"
	case "udp":
		addr := fmt.Sprintf("127.0.0.1:%d", freePort(bd.t))
		log, input = "access_log syslog:server="+addr+" combined;", "syslog = \"udp:"+addr+"\""
	case "unix":
		log, input = "access_log syslog:server=unix:"+dir+"/sock,nohostname combined;", "syslog = \"unixgram:"+dir+"/sock\""
	}
	if name != "off" && !strings.HasSuffix(name, "file") {
		conf := bd.write(name+"/logpub.toml", fmt.Sprintf("daemon = %q\ngroups = [\"weblogs\"]\nstate = %q\n[spool]\ndir = %q\n[[input]]\n%s\n",
			spread, dir+"/state", dir+"/spool", input))
		p := bd.pin(*pinLog, bd.program("logpub"), "-config", conf)
		if !strings.HasSuffix(name, "down") {
			p.Expect(connected)
		}
		w.pub = append(w.pub, p.Cmd.Process.Pid)
	}
	conf := bd.write(name+"/nginx.conf", strings.Replace(fmt.Sprintf(nginxConf, w.addr, log, user("user www-data www-data;")), "worker_processes 2", "worker_processes 1", 1))
	server := bd.pin(*pinServer, path, "-p", dir+"/", "-c", conf, "-e", "stderr")
	testkit.Wait(bd.t, "nginx", func() bool { return answers(web) })
	w.pids = []int{server.Cmd.Process.Pid}
	return bd.end(w)
}

// load loads a web server and records the result.
func (bd *bed) load(w *way, lasts time.Duration) {
	bd.t.Helper()
	before, pubBefore, daemonBefore := cpuTime(bd.t, w.pids, true), cpuTime(bd.t, w.pub, false), cpuTime(bd.t, w.daemon, false)
	args := pinned(bd.t, *pinLoad, need(bd.t, "wrk", "wrk"), "-t2", "-c32", fmt.Sprintf("-d%ds", max(1, int(lasts/time.Second))), "http://"+w.addr+"/page.html")
	out, err := exec.CommandContext(bd.t.Context(), args[0], args[1:]...).CombinedOutput()
	m := regexp.MustCompile(`(?s)(\d+) requests in.*Requests/sec: +([0-9.]+)`).FindSubmatch(out)
	if err != nil || m == nil {
		bd.t.Fatalf("wrk: %v\n%s", err, out)
	}
	requests, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		bd.t.Fatal(err)
	}
	rate, err := strconv.ParseFloat(string(m[2]), 64)
	if err != nil {
		bd.t.Fatal(err)
	}
	w.rate = append(w.rate, rate)
	w.cpu = append(w.cpu, float64(cpuTime(bd.t, w.pids, true)-before)/requests)
	w.pubCPU = append(w.pubCPU, float64(cpuTime(bd.t, w.pub, false)-pubBefore)/requests)
	w.daemonCPU = append(w.daemonCPU, float64(cpuTime(bd.t, w.daemon, false)-daemonBefore)/requests)
}

// childNamed returns the process id of a descendant that runs a program, or 0.
func childNamed(pid int, program string) int {
	for _, c := range children(pid) {
		if name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", c)); err == nil && strings.TrimSpace(string(name)) == program {
			return c
		}
		if found := childNamed(c, program); found != 0 {
			return found
		}
	}
	return 0
}

func children(pid int) (pids []int) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return nil
	}
	for _, path := range tasks {
		b, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		for f := range strings.FieldsSeq(string(b)) {
			if c, err := strconv.Atoi(f); err == nil {
				pids = append(pids, c)
			}
		}
	}
	return pids
}

// cpuTime returns the processor time of processes. If below is set, it includes their descendants
// except logpub.
func cpuTime(t testing.TB, pids []int, below bool) (sum time.Duration) {
	t.Helper()
	for _, pid := range pids {
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range tasks {
			b, err := os.ReadFile(path)
			if err != nil {
				continue
			}
			ran, _, _ := strings.Cut(string(b), " ")
			if n, err := strconv.ParseInt(ran, 10, 64); err == nil {
				sum += time.Duration(n)
			}
		}
		if below {
			for _, c := range children(pid) {
				if name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", c)); err == nil && strings.TrimSpace(string(name)) != "logpub" {
					sum += cpuTime(t, []int{c}, true)
				}
			}
		}
	}
	return sum
}
