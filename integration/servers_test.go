//go:build unix

package integration

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/spreadd/spreadd/integration/harness"
	"github.com/spreadd/spreadd/internal/testkit"
)

// TestWebServers runs the configurations of docs/logs/web-servers.md with real web servers under
// load. Each server also writes a log of its own, which is compared with the published log.
func TestWebServers(t *testing.T) {
	bin := programs.Build(t, "spreadd", "logpub", "logsub")
	for _, tt := range []struct {
		name string
		test func(t *testing.T, s *site)
	}{
		{"Apache: a group for each virtual host", apacheVHosts},
		{"nginx: its file", nginxFile},
		{"nginx: UNIX datagrams", nginxUnix},
		{"nginx: UDP", nginxUDP},
		{"HAProxy: a ring and TCP", haproxyRing},
		{"HAProxy: UDP", haproxyUDP},
		{"Caddy: its file", caddyFile},
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
GlobalLog own.log vcombined
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

func apacheVHosts(t *testing.T, s *site) {
	apache := need(t, "apache2", "apache2")
	groups := map[string]string{
		"a.example": "a.example",
		"b.example": "b.example",
		// A name that is too long for a group ends with a hash (docs/logs/logpub.md).
		"a-host-of-more-than-31-letters.example": "a-host-of-more-tha~2bfuwkmafmux",
	}
	var hosts, names []string
	for h, g := range groups {
		hosts, names = append(hosts, h), append(names, g)
	}
	s.logsub(names...)
	web := freePort(t)
	conf := s.write("httpd.conf", fmt.Sprintf(apacheVHostsConf, s.dir, web, modules, user("User www-data\nGroup www-data"), s.here(example(t, "apache", 0))))
	server := harness.Launch(t, apache, "-DFOREGROUND", "-f", conf)
	testkit.Wait(t, "Apache", func() bool { return answers(web) })
	burst(t, fmt.Sprintf("127.0.0.1:%d", web), hosts...)
	server.Stop()

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

// nginx starts an nginx whose configuration contains lines of the documentation.
func nginx(t testing.TB, s *site, lines string) (server *harness.Process, addr string) {
	t.Helper()
	path := need(t, "nginx", "nginx")
	web := freePort(t)
	addr = fmt.Sprintf("127.0.0.1:%d", web)
	conf := s.write("nginx.conf", fmt.Sprintf(nginxConf, addr, lines, user("user www-data www-data;")))
	server = harness.Launch(t, path, "-p", s.dir+"/", "-c", conf, "-e", "stderr")
	testkit.Wait(t, "nginx", func() bool { return answers(web) })
	return server, addr
}

// nginxFile: the file is rotated during the load, which goes on until the new file has lines.
func nginxFile(t *testing.T, s *site) {
	s.logsub("weblogs")
	pub := s.logpub(example(t, "toml", 0))
	server, addr := nginx(t, s, s.here(example(t, "nginx", 0)))
	burst(t, addr)
	var rotated atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		for !rotated.Load() && !t.Failed() {
			load(t, addr)
		}
	}()
	began := size(s.path("access.log"))
	testkit.Wait(t, "the second burst", func() bool { return size(s.path("access.log")) > began })
	if err := os.Rename(s.path("access.log"), s.path("access.log.1")); err != nil {
		t.Fatal(err)
	}
	if err := server.Cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	testkit.Wait(t, "lines in the new file", func() bool { return size(s.path("access.log")) > 0 })
	rotated.Store(true)
	<-done
	server.Stop()
	own := s.write("own.log", readFile(t, s.path("access.log.1"))+readFile(t, s.path("access.log")))
	same(t, own, s.path("weblogs.log"))
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
	nginxSyslog(t, s, s.here(example(t, "toml", 1)), s.here(example(t, "nginx", 1)))
}

func nginxUDP(t *testing.T, s *site) {
	addr := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	socket := s.path("logpub.sock")
	nginxSyslog(t, s, strings.ReplaceAll(s.here(example(t, "toml", 1)), "unixgram:"+socket, "udp:"+addr),
		strings.ReplaceAll(s.here(example(t, "nginx", 1)), "unix:"+socket, addr))
}

// nginxSyslog: nginx drops lines when the socket is full, so a burst may lose some. None may be
// repeated or changed. Lines of single requests must arrive.
func nginxSyslog(t *testing.T, s *site, input, access string) {
	s.logsub("weblogs")
	pub := s.logpub(input)
	server, addr := nginx(t, s, "access_log own.log combined;\n"+access)
	burst(t, addr)
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

func haproxyRing(t *testing.T, s *site) {
	s.logsub("weblogs")
	port := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	pub := s.logpub(strings.ReplaceAll(example(t, "toml", 2), "127.0.0.1:5514", port))
	server, addr := haproxy(t, s, strings.ReplaceAll(example(t, "haproxy", 0), "127.0.0.1:5514", port))
	burst(t, addr)
	same(t, s.path("own.log"), s.path("weblogs.log"))
	server.StopBy(syscall.SIGUSR1)
	pub.Stop()
}

func haproxyUDP(t *testing.T, s *site) {
	s.logsub("weblogs")
	port := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	pub := s.logpub(strings.ReplaceAll(strings.ReplaceAll(example(t, "toml", 2), "127.0.0.1:5514", port), "tcp:", "udp:"))
	server, addr := haproxy(t, s, strings.ReplaceAll(example(t, "haproxy", 1), "127.0.0.1:5514", port))
	burst(t, addr)
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
http://127.0.0.1:%d {
	root * %s
	file_server
	%s
}
`

func caddyFile(t *testing.T, s *site) {
	caddy := need(t, "caddy", "caddy")
	s.logsub("weblogs")
	pub := s.logpub(example(t, "toml", 3))
	web := freePort(t)
	conf := s.write("Caddyfile", fmt.Sprintf(caddyConf, web, s.path("htdocs"), s.here(example(t, "caddy", 0))))
	t.Setenv("HOME", s.dir)
	t.Setenv("XDG_CONFIG_HOME", s.dir)
	t.Setenv("XDG_DATA_HOME", s.dir)
	server := harness.Launch(t, caddy, "run", "--config", conf, "--adapter", "caddyfile")
	testkit.Wait(t, "Caddy", func() bool { return answers(web) })
	burst(t, fmt.Sprintf("127.0.0.1:%d", web))
	server.Stop()
	same(t, s.path("access.log"), s.path("weblogs.log"))
	pub.Stop()
}
