package logsub

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/logs/internal/logline"
)

// TestUntimedLines: a line without a time has that of its receipt, is counted, and moves no clock,
// whatever its request has in it. The bubble's clock begins in 2000.
func TestUntimedLines(t *testing.T) {
	logs := []Log{{Group: "a", File: "%Y-%m-%d"}, {Group: "a", File: "line-%Y-%m-%d", Clock: ClockLine}, {Group: "a", File: "all"}}
	bubble(t, Config{}, logs, func(f *farm) {
		<-time.After(time.Hour)
		untimed := []string{
			"handled GET /?[1999-01-01T00:00:00Z]\n",
			"GET /?[1999-01-01T00:00:00Z]\n",
			`{"level":"info","msg":"GET /?[1999-01-01T00:00:00Z]"}` + "\n",
			`10.0.0.1 - - - "GET /?[1999-01-01T00:00:00Z] HTTP/1.1" 200 1` + "\n",
			"last\n",
		}
		for _, line := range untimed {
			f.send(line, "a")
		}
		f.want("2000-01-01", strings.Join(untimed, ""))
		f.want("line-2000-01-01", strings.Join(untimed, ""))
		yesterday := `h - - [31/Dec/1999:23:59:59 +0000] "GET /?[1998-01-01T00:00:00Z] HTTP/1.1" 200 1` + "\n"
		f.send(yesterday, "a")
		f.want("1999-12-31", yesterday)
		for i, want := range []int64{5, 5, 0} {
			if n := f.sub.Stats().Logs[i].Untimed; n != want {
				f.Errorf("log %d has %d lines without a time, want %d", i, n, want)
			}
		}
		if err := f.end(); err != nil {
			f.Error(err)
		}
		f.wantLog("without_time=10")
	})
}

// TestLineFormats: lines of each format go to the file of their virtual host and time, and their
// status counts in a filter.
func TestLineFormats(t *testing.T) {
	const (
		plain    = `10.0.0.1 - bob [x] y [31/Dec/1999:23:00:00 +0000] "GET /?[2000-01-01T00:00:00Z] HTTP/1.1" 404 1` + "\n"
		ident    = `10.0.0.1 id bob [31/Dec/1999:23:00:00 +0000] "GET / HTTP/1.1" 200 1` + "\n"
		ipv6     = `[2001:db8::1]:443 [2001:db8::2] - - [31/Dec/1999:23:00:00 +0000] "GET / HTTP/1.1" 200 1` + "\n"
		ipv6Host = `[2001:db8::2] - - [31/Dec/1999:23:00:00 +0000] "GET / HTTP/1.1" 404 1` + "\n"
		caddy    = `{"ts":946681200.5,"request":{"client_ip":"10.0.0.1","method":"GET","host":"WWW.a.example:80","uri":"/?[2000-01-01T00:00:00Z]"},"size":1,"status":404}` + "\n"
		nginx    = `www.b.example {"msec":"946681200.123","request":"GET / HTTP/1.1","status":200}` + "\n"
		haproxy  = `10.0.0.1:33 [31/Dec/1999:23:00:00.633] f b/s 0/0/0/0/0 404 1 - - ---- 1/1/1/1/0 0/0 "GET / HTTP/1.1"` + "\n"
		syslog   = `Dec 31 23:00:00 lb haproxy[1]: ` + haproxy
	)
	logs := []Log{
		{Group: "a", File: "%{vhost}-%H"},
		{Group: "a", File: "clean-%{vhost}", VHost: logline.VHostClean},
		{Group: "a", File: "rewritten", Rewrite: RewriteCommonLog},
		{Group: "a", File: "missing", VHost: logline.VHostKeep, Filter: logline.Rules{Keep: []logline.Condition{
			{Field: logline.FieldPath, Match: regexp.MustCompile("^/"), Status: []logline.Status{{First: 404, Last: 404}}},
		}}},
	}
	bubble(t, Config{}, logs, func(f *farm) {
		for _, line := range []string{plain, ident, ipv6, ipv6Host, caddy, nginx, haproxy, syslog} {
			f.send(line, "a")
		}
		_, ipv6Rest, _ := strings.Cut(ipv6, " ")
		f.want("_none-23", plain+ident+ipv6Host+haproxy+syslog)
		f.want("%5B2001:db8::1%5D:443-23", ipv6Rest)
		f.want("WWW.a.example:80-23", caddy)
		f.want("www.b.example-23", nginx[len("www.b.example "):])
		f.want("clean-www.a.example", caddy)
		f.want("clean-www.b.example", nginx)
		f.want("missing", plain+ipv6Host+caddy+haproxy+syslog)
		written := strings.NewReplacer("[31/Dec/1999:23:00:00.633]", "[31/Dec/1999:23:00:00 +0000]", "946681200.5", "946681200.0", ".123", ".000")
		f.want("rewritten", written.Replace(plain+ident+ipv6+ipv6Host+caddy+nginx+haproxy+syslog))
		for i, l := range f.sub.Stats().Logs {
			if l.Untimed > 0 {
				f.Errorf("log %d has %d lines without a time", i, l.Untimed)
			}
		}
	})
}
