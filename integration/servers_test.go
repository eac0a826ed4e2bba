//go:build unix

package integration

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/spreadd/spreadd/integration/harness"
	"github.com/spreadd/spreadd/internal/testkit"
)

// files is the section with the configuration of logpub for all servers that write files.
const files = "Servers that write files"

// TestWebServers runs the configurations of docs/logs/web-servers.md with real web servers under
// load. Each server also writes a log of its own, which is compared with the published log.
func TestWebServers(t *testing.T) {
	bin := programs.Build(t, "spreadd", "logpub", "logsub")
	for _, tt := range []struct {
		name string
		test func(t *testing.T, s *site)
	}{
		{"Apache", apacheOneGroup},
		{"Apache: a group for each virtual host", apacheVHosts},
		{"nginx: its file", nginxFile},
		{"nginx: UNIX datagrams", nginxUnix},
		{"nginx: UDP", nginxUDP},
		{"HAProxy: a ring and TCP", haproxyRing},
		{"HAProxy: UDP", haproxyUDP},
		{"Caddy: its file", caddyFile},
		{"lighttpd: its file", lighttpdFile},
		{"Traefik: its sample line", traefikLine},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, newSite(t, bin)) })
	}
}

const apacheVHostsConf = `
ServerRoot %[1]q
Listen 127.0.0.1:%[2]d
PidFile httpd.pid
ErrorLog error.log
DefaultRuntimeDir %[1]q
LoadModule mpm_event_module %[3]s/mod_mpm_event.so
LoadModule authz_core_module %[3]s/mod_authz_core.so
DocumentRoot "%[1]s/htdocs"
MaxKeepAliveRequests 0
%[4]s
%[5]s
GlobalLog own.log vhost_first
<VirtualHost *>
	ServerName a.example
</VirtualHost>
<VirtualHost *>
	ServerName b.example
</VirtualHost>
<VirtualHost *>
	ServerName a-host-of-more-than-31-letters.example
</VirtualHost>
`

// longHost is a name that is too long for a group.
const longHost = "a-host-of-more-than-31-letters.example"

// apache starts an Apache whose configuration contains lines of the documentation, gives it load,
// and stops it.
func apache(t *testing.T, s *site, lines string) {
	t.Helper()
	path := need(t, "apache2", "apache2")
	web := freePort(t)
	lines = strings.ReplaceAll(s.here(lines), "logpub -g", fmt.Sprintf("logpub -s %d@127.0.0.1 -g", s.port))
	conf := s.write("httpd.conf", fmt.Sprintf(apacheVHostsConf, s.dir, web, modules, user("User www-data\nGroup www-data"), lines))
	server := harness.Launch(t, path, "-DFOREGROUND", "-f", conf)
	testkit.Wait(t, "Apache", func() bool { return answers(web) })
	burst(t, fmt.Sprintf("127.0.0.1:%d", web), "a.example", "b.example", longHost)
	server.Stop()
}

func apacheOneGroup(t *testing.T, s *site) {
	s.loghost()
	apache(t, s, example(t, "Apache", "apache"))
	sameSites(t, s, splitByHost(t, s.path("own.log")))
}

func apacheVHosts(t *testing.T, s *site) {
	groups := map[string]string{
		"a.example": "a.example",
		"b.example": "b.example",
		// A name that is too long for a group ends with a hash (docs/logs/logpub.md).
		longHost: "a-host-of-more-tha~2bfuwkmafmux",
	}
	s.logsub(slices.Sorted(maps.Values(groups))...)
	apache(t, s, example(t, "A group for each virtual host", "apache"))
	own := make(map[string]*strings.Builder)
	for line := range strings.Lines(readFile(t, s.path("own.log"))) {
		host, _, _ := strings.Cut(line, " ")
		if own[host] == nil {
			own[host] = &strings.Builder{}
		}
		own[host].WriteString(line)
	}
	for h, g := range groups {
		if own[h] == nil {
			t.Errorf("there was no request for %s", h)
			continue
		}
		same(t, s.write("own-"+h, own[h].String()), s.path(g+".log"))
	}
}

// splitByHost returns the lines of a log by the virtual host in front of each, without it.
func splitByHost(t testing.TB, path string) map[string][]string {
	t.Helper()
	hosts := make(map[string][]string)
	for line := range strings.Lines(readFile(t, path)) {
		host, rest, ok := strings.Cut(line, " ")
		if host == "-" {
			continue // HAProxy has no host for a request that is cut off.
		}
		if !ok || !strings.HasSuffix(host, ".example") {
			t.Fatalf("no virtual host is in front of %q", line)
		}
		hosts[host] = append(hosts[host], rest)
	}
	return hosts
}

// sameSites waits until the log host of the page has as many lines of each virtual host as the web
// server itself, and checks that they are the same.
func sameSites(t testing.TB, s *site, own map[string][]string) {
	t.Helper()
	if len(own) < 2 {
		t.Fatalf("the log has %d virtual hosts", len(own))
	}
	for host, want := range own {
		published := func() (text string) {
			days, err := filepath.Glob(s.path("spread/" + host + "/????-??-??.log"))
			if err != nil {
				t.Fatal(err)
			}
			for _, day := range days {
				text += readFile(t, day)
			}
			return text
		}
		harness.Reach(t, "lines of "+host, int64(len(want)), func() int64 { return int64(strings.Count(published(), "\n")) })
		same(t, s.write("own-"+host, strings.Join(want, "")), s.write("published-"+host, published()))
	}
}

const nginxConf = `
worker_processes 2;
daemon off;
pid nginx.pid;
error_log stderr;
%[3]s
events { worker_connections 1024; }
http {
	client_body_temp_path tmp;
	proxy_temp_path tmp;
	fastcgi_temp_path tmp;
	uwsgi_temp_path tmp;
	scgi_temp_path tmp;
	keepalive_requests 1000000000;
	server {
		listen %[1]s;
		root htdocs;
		%[2]s
	}
}
`

// nginxSites turns nginxConf into a configuration of two sites, with lines in the block http.
func nginxSites(addr, lines string) string {
	conf := fmt.Sprintf(nginxConf, addr, "server_name a.example;", user("user www-data www-data;"))
	return strings.Replace(conf, "\tserver {", lines+"\n\tserver { listen "+addr+"; server_name b.example; root htdocs; }\n\tserver {", 1)
}

// nginx starts an nginx whose block http contains lines of the documentation.
func nginx(t testing.TB, s *site, lines string) (server *harness.Process, addr string) {
	t.Helper()
	path := need(t, "nginx", "nginx")
	web := freePort(t)
	addr = fmt.Sprintf("127.0.0.1:%d", web)
	conf := s.write("nginx.conf", nginxSites(addr, lines))
	server = harness.Launch(t, path, "-p", s.dir+"/", "-c", conf, "-e", "stderr")
	testkit.Wait(t, "nginx", func() bool { return answers(web) })
	return server, addr
}

// nginxFile: the file is rotated during the load, which goes on until the new file has lines.
func nginxFile(t *testing.T, s *site) {
	s.loghost()
	log := s.path("nginx/access.log")
	pub := s.logpub(example(t, files, "toml"))
	server, addr := nginx(t, s, s.here(example(t, "nginx", "nginx")))
	burst(t, addr, "a.example", "b.example")
	var rotated atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		for !rotated.Load() && !t.Failed() {
			load(t, addr, "a.example", "b.example")
		}
	}()
	began := size(log)
	testkit.Wait(t, "the second burst", func() bool { return size(log) > began })
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	if err := server.Cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	testkit.Wait(t, "lines in the new file", func() bool { return size(log) > 0 })
	rotated.Store(true)
	<-done
	server.Stop()
	own := s.write("own.log", readFile(t, log+".1")+readFile(t, log))
	sameSites(t, s, splitByHost(t, own))
	pub.Stop()
}

func size(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

func nginxUnix(t *testing.T, s *site) {
	nginxSyslog(t, s, s.here(example(t, "nginx over syslog", "toml")), s.here(example(t, "nginx over syslog", "nginx")))
}

func nginxUDP(t *testing.T, s *site) {
	addr := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	socket := s.path("logpub/nginx.sock")
	nginxSyslog(t, s, strings.ReplaceAll(s.here(example(t, "nginx over syslog", "toml")), "unixgram:"+socket, "udp:"+addr),
		strings.ReplaceAll(s.here(example(t, "nginx over syslog", "nginx")), "unix:"+socket, addr))
}

// nginxSyslog: nginx drops lines when the socket is full, so a burst may lose some. None may be
// repeated or changed. Lines of single requests must arrive.
func nginxSyslog(t *testing.T, s *site, input, access string) {
	s.logsub("weblogs")
	pub := s.logpub(input)
	server, addr := nginx(t, s, strings.Replace(s.here(example(t, "nginx", "nginx")), s.path("nginx/access.log"), "own.log", 1)+access)
	burst(t, addr, "a.example", "b.example")
	for i := range 20 {
		number := fmt.Sprintf("single-%d", i)
		request(t, addr, number)
		testkit.Wait(t, "the line of "+number, func() bool {
			return strings.Contains(tail(t, s.path("weblogs.log")), "?request="+number+" HTTP/1.0\" 200 ")
		})
	}
	server.Stop()
	pub.Stop()
	within(t, s.path("own.log"), s.path("weblogs.log"))
}

// tail returns the end of a file.
func tail(t testing.TB, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	b := make([]byte, 4096)
	n, _ := f.ReadAt(b, max(0, size(path)-int64(len(b)))) // A shorter read is fine.
	return string(b[:n])
}

const haproxyConf = `
global
    maxconn 1000
    nbthread 1
defaults
    mode http
    timeout client 30s
    timeout server 30s
    timeout connect 30s
%s
    log stdout len 65535 format raw local0
    bind %s
    http-request return status 200 content-type text/plain string "hello"
`

// haproxy starts an HAProxy whose configuration contains lines of the documentation. The last
// section of these must be the frontend. HAProxy logs its answers to own.log, too.
func haproxy(t testing.TB, s *site, lines string) (server *harness.Process, addr string) {
	t.Helper()
	path := need(t, "haproxy", "haproxy")
	web := freePort(t)
	addr = fmt.Sprintf("127.0.0.1:%d", web)
	conf := s.write("haproxy.cfg", fmt.Sprintf(haproxyConf, lines, addr))
	// Its own log goes to a file, because HAProxy drops lines when a pipe is full. It has one
	// thread, because the log lines of two threads could get mixed.
	server = harness.Launch(t, "/bin/sh", "-c", fmt.Sprintf("exec %s -db -f %s >%s", path, conf, s.path("own.log")))
	testkit.Wait(t, "HAProxy", func() bool { return answers(web) })
	return server, addr
}

// answered waits until an HAProxy has answered the requests that wrk left when it ended: until its log
// grows by one line only, when one more request is sent.
func answered(t testing.TB, s *site, addr string) {
	t.Helper()
	logged := countLines(s.path("own.log"))
	for n := 0; ; n++ {
		before := logged()
		request(t, addr, fmt.Sprintf("last-%d", n))
		testkit.Wait(t, "the line of the last request", func() bool {
			return strings.Contains(tail(t, s.path("own.log")), fmt.Sprintf("request=last-%d ", n))
		})
		if logged() == before+1 {
			return
		}
	}
}

func haproxyRing(t *testing.T, s *site) {
	s.loghost()
	port := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	pub := s.logpub(strings.ReplaceAll(example(t, "HAProxy", "toml"), "127.0.0.1:5514", port))
	server, addr := haproxy(t, s, strings.ReplaceAll(example(t, "HAProxy", "haproxy"), "127.0.0.1:5514", port))
	burst(t, addr, "a.example", "b.example")
	answered(t, s, addr)
	sameSites(t, s, splitByHost(t, s.path("own.log")))
	server.StopBy(syscall.SIGUSR1)
	pub.Stop()
}

func haproxyUDP(t *testing.T, s *site) {
	s.logsub("weblogs")
	port := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	pub := s.logpub(strings.NewReplacer("127.0.0.1:5514", port, "tcp:", "udp:").Replace(example(t, "HAProxy", "toml")))
	_, frontend, _ := strings.Cut(example(t, "HAProxy", "haproxy"), "\n\n")
	log := strings.ReplaceAll(example(t, "HAProxy over UDP", "haproxy"), "127.0.0.1:5514", port)
	server, addr := haproxy(t, s, regexp.MustCompile("(?m)^    log ring.*\n").ReplaceAllLiteralString(frontend, log))
	burst(t, addr, "a.example", "b.example")
	request(t, addr, "last")
	testkit.Wait(t, "the last line", func() bool { return strings.Contains(tail(t, s.path("weblogs.log")), "?request=last ") })
	server.StopBy(syscall.SIGUSR1)
	pub.Stop()
	within(t, s.path("own.log"), s.path("weblogs.log"))
}

// caddyConf is a Caddy that only serves files, so that it does not interfere with another one.
const caddyConf = `
{
	admin off
	auto_https off
}
http://:%[1]d {
	bind 127.0.0.1
	root * %[2]s
	file_server
	%[3]s
}
`

func caddyFile(t *testing.T, s *site) {
	caddy := need(t, "caddy", "caddy")
	s.loghost()
	log := s.path("caddy/access.log")
	pub := s.logpub(strings.ReplaceAll(example(t, files, "toml"), "/nginx/", "/caddy/"))
	web := freePort(t)
	conf := s.write("Caddyfile", fmt.Sprintf(caddyConf, web, s.path("htdocs"), s.here(example(t, "Caddy", "caddy"))))
	t.Setenv("HOME", s.dir)
	t.Setenv("XDG_CONFIG_HOME", s.dir)
	t.Setenv("XDG_DATA_HOME", s.dir)
	server := harness.Launch(t, caddy, "run", "--config", conf, "--adapter", "caddyfile")
	testkit.Wait(t, "Caddy", func() bool { return answers(web) })
	burst(t, fmt.Sprintf("127.0.0.1:%d", web), "a.example", "b.example")
	server.Stop()
	own := make(map[string][]string)
	for line := range strings.Lines(readFile(t, log)) {
		var entry struct{ Request struct{ Host string } }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatal(err)
		}
		own[entry.Request.Host] = append(own[entry.Request.Host], line)
	}
	sameSites(t, s, own)
	pub.Stop()
}

const lighttpdConf = `
server.document-root = "%s"
server.bind = "127.0.0.1"
server.port = %d
server.max-connections = 1000
%s
`

func lighttpdFile(t *testing.T, s *site) {
	lighttpd := need(t, "lighttpd", "lighttpd")
	s.loghost()
	log := s.path("lighttpd/access.log")
	pub := s.logpub(strings.ReplaceAll(example(t, files, "toml"), "/nginx/", "/lighttpd/"))
	web := freePort(t)
	conf := s.write("lighttpd.conf", fmt.Sprintf(lighttpdConf, s.path("htdocs"), web, s.here(example(t, "lighttpd", "lighttpd"))))
	server := harness.Launch(t, lighttpd, "-D", "-f", conf)
	testkit.Wait(t, "lighttpd", func() bool { return answers(web) })
	burst(t, fmt.Sprintf("127.0.0.1:%d", web), "a.example", "b.example")
	server.StopBy(os.Interrupt)
	sameSites(t, s, splitByHost(t, log))
	pub.Stop()
}

// traefikLine: Debian has no Traefik. Its line goes through a file, and to the file of its host.
func traefikLine(t *testing.T, s *site) {
	s.loghost()
	pub := s.logpub(strings.ReplaceAll(example(t, files, "toml"), "/nginx/", "/traefik/"))
	line := example(t, "Traefik", "json")
	other := strings.ReplaceAll(line, "www.example.org", "b.example")
	s.write("traefik/access.log", line+other)
	sameSites(t, s, map[string][]string{"www.example.org": {line}, "b.example": {other}})
	if got := readFile(t, s.path("spread/www.example.org/2026-11-30.log")); got != line {
		t.Errorf("the line has another day than its time: %q", got)
	}
	pub.Stop()
}
