package logline

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spreadd/spreadd/internal/testkit/blind"
)

// caddyLine, nginxLine and traefikLine are lines of these servers, with the names that they use.
const (
	caddyLine   = `{"level":"info","ts":1646861401.5241024,"logger":"http.log.access.log0","msg":"handled request","request":{"remote_ip":"127.0.0.1","remote_port":"41342","client_ip":"192.0.2.7","proto":"HTTP/2.0","method":"GET","host":"www.example.com","uri":"/a?b=\"c\"&d","headers":{"User-Agent":["curl/7.82.0","x"],"Accept":["*/*"],"Referer":["http://ref/"],"Cookie":["REDACTED"]},"tls":{"resumed":false,"version":772,"cipher_suite":4865,"proto":"h2","server_name":"example.com"}},"bytes_read":0,"user_id":"kim","duration":0.000929675,"size":10900,"status":200,"resp_headers":{"Server":["Caddy"],"Content-Type":["text/html"],"status":["x"]}}`
	nginxLine   = `{"time_local":"10/Oct/2000:13:55:36 -0700","remote_addr":"2001:db8::1","remote_user":"","request":"GET /a\u0022 HTTP/1.1","status": "404","bytes_sent":700,"body_bytes_sent":"512","http_referer":"","http_user_agent":"Mozilla/5.0 (X11)","host":"shop.example.com","request_time":0.003}`
	traefikLine = `{"ClientAddr":"10.0.2.100:47834","ClientHost":"10.0.2.100","ClientPort":"47834","ClientUsername":"-","DownstreamContentSize":19,"DownstreamStatus":502,"Duration":60713,"OriginStatus":500,"RequestAddr":"a.example:80","RequestHost":"a.example","RequestMethod":"POST","RequestPath":"/x?y=1\u0026z=2","RequestProtocol":"HTTP/1.1","StartLocal":"2000-10-10T13:55:36.1-07:00","StartUTC":"2000-10-10T20:55:36.1Z","level":"info","msg":"","request_User-Agent":"bot","time":"2000-10-10T20:55:37Z"}`
	haproxyLine = `10.0.1.2:33317 [06/Feb/2009:12:14:14.655] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {1wt.eu} {} "GET /index.html HTTP/1.1"`
)

// benchLines has a line of each format.
func benchLines() map[string][]byte {
	return map[string][]byte{
		"combined": []byte(`192.0.2.7 - - [03/Apr/2004:11:48:51 -0400] "GET /a/b/c.html HTTP/1.0" 200 512 "http://www.example.com/" "Mozilla/5.0 (X11; Linux x86_64)"` + "\n"),
		"caddy":    []byte(caddyLine + "\n"),
		"nginx":    []byte(nginxLine + "\n"),
		"haproxy":  []byte(haproxyLine + "\n"),
	}
}

func TestParseOtherFormats(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		bad      error
		want     string // virtual host, and the fields as TestParse has them
	}{
		{"Caddy", caddyLine, nil, `www.example.com|192.0.2.7|-|kim|1646861401.5241024|GET /a?b="c"&d HTTP/2.0|GET|/a?b="c"&d|HTTP/2.0|200|10900|true|http://ref/|curl/7.82.0|`},
		{"nginx", nginxLine, nil, `shop.example.com|2001:db8::1|-|-|10/Oct/2000:13:55:36 -0700|GET /a" HTTP/1.1|GET|/a"|HTTP/1.1|404|512|true|-|Mozilla/5.0 (X11)|`},
		{"Traefik", traefikLine, nil, `a.example|10.0.2.100|-|-|2000-10-10T13:55:36.1-07:00|POST /x?y=1&z=2 HTTP/1.1|POST|/x?y=1&z=2|HTTP/1.1|502|19|true|-|bot|`},
		{"older Caddy", `{"request":{"remote_addr":"[2001:db8::1]:443","method":"GET","uri":"/","host":"a:80"},"status":0,"size":"-"}`, nil, `a:80|2001:db8::1|-|-||GET /|GET|/||0|0|true|-|-|`},
		{"behind a syslog header", `Oct 10 13:55:36 web1 nginx[1]: ` + nginxLine, nil, `shop.example.com|2001:db8::1|-|-|10/Oct/2000:13:55:36 -0700|GET /a" HTTP/1.1|GET|/a"|HTTP/1.1|404|512|true|-|Mozilla/5.0 (X11)|`},
		{"an application", `{"time":"2000-10-10T20:55:36.1Z","level":"INFO","msg":"started","host":"web1"}`, ErrRequest, ""},
		{"no status", `{"method":"GET","path":"/x","remote_addr":"10.0.0.1:80"}`, ErrStatus, `|10.0.0.1|-|-||GET /x|GET|/x||0|0|true|-|-|`},
		{"odd status", `{"request":"GET /x HTTP/1.1","status":1200}`, ErrStatus, ``},
		{"odd values", `{"request":"-","status":null,"status":"408","user":{"a":"b"},"agent":["x"],"host":[],"size":true,"bytes":5}`, nil, `||-|-||-||||408|5|true|-|-|`},
		{"cut", nginxLine[:200], ErrJSON, `|2001:db8::1|-|-|10/Oct/2000:13:55:36 -0700|GET /a" HTTP/1.1|GET|/a"|HTTP/1.1|404|512|true|-|-|`},
		{"nothing", `{}`, ErrRequest, ""},
		{"no JSON", `{x`, ErrRequest, ""},
		{"HAProxy", haproxyLine, nil, `|10.0.1.2|||06/Feb/2009:12:14:14.655|GET /index.html HTTP/1.1|GET|/index.html|HTTP/1.1|200|2750|false|||`},
		{
			"HAProxy behind a syslog header", `Dec  9 13:01:26 localhost haproxy[28029]: 2001:db8::1:39759 [09/Dec/2013:12:59:46.633] f b/<NOSRV> 1/-1/-1/-1/8 -1 +0 - - CR-- 0/0/0/0/0 0/0 "<BADREQ>"`, nil,
			`|2001:db8::1|||09/Dec/2013:12:59:46.633|<BADREQ>||||0|0|false|||`,
		},
		{"HAProxy, TCP", `10.0.1.2:33313 [06/Feb/2009:12:12:51.443] fnt bck/srv1 0/0/5007 212 -- 0/0/0/0/3 0/0`, ErrStatus, ""},
		{"HAProxy, cut", haproxyLine[:len(haproxyLine)-5], ErrRequest, ""},
		{"HAProxy, an error", `10.0.1.2:33313 [06/Feb/2009:12:12:51.443] fnt/1: SSL handshake failure`, ErrStatus, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var f Fields
			err := f.Parse([]byte(tt.in))
			if err != tt.bad { //nolint:errorlint // the very value is promised
				t.Fatalf("%v, want %v", err, tt.bad)
			}
			if got := string(f.VHost) + "|" + show(&f); tt.want != "" && got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestCutJSON: a line that was cut has the fields in front of the cut, and no others.
func TestCutJSON(t *testing.T) {
	for _, whole := range []string{caddyLine, nginxLine, traefikLine} {
		var want, f Fields
		if err := want.Parse([]byte(whole)); err != nil {
			t.Fatal(err)
		}
		for n := range len(whole) {
			if err := f.Parse([]byte(whole[:n])); err == nil {
				t.Errorf("%s is whole", whole[:n])
			}
			if f.Read(ErrStatus) && f.Status != want.Status || FieldMethod.in(&f) && !bytes.HasPrefix(want.Request, f.Request) ||
				FieldAgent.in(&f) && string(f.Agent) != string(want.Agent) {
				t.Errorf("%s has status %d, request %q, agent %q", whole[:n], f.Status, f.Request, f.Agent)
			}
		}
	}
}

func TestOtherFormatsAllocs(t *testing.T) {
	var f Fields
	for name, line := range benchLines() {
		_ = f.Parse(line)
		if n := testing.AllocsPerRun(100, func() { _ = f.Parse(line); FindTime(line) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// FuzzJSON compares what the scanner reads with encoding/json.
func FuzzJSON(f *testing.F) {
	for _, line := range []string{caddyLine, nginxLine, traefikLine, `{"a":"\ud83d\ude00\ud83d\/\b\f\n\r\t\u00e9\"\\","b":[1,{"c":[]}],"d":-1.5E+3,"":null}`, ` {"a" : 1 } `, `{"a":1,}`} {
		f.Add([]byte(line))
	}
	blind.Fuzz(f, func(t *testing.T, line []byte) {
		var fields Fields
		_ = fields.Parse(line)
		got := make(map[string]string)
		s := scanner{text: line, at: 1}
		for len(line) > 0 && line[0] == '{' {
			m, more := s.next(true)
			if !more {
				break
			}
			value := m.value
			switch m.kind {
			case valueText:
				value = append([]byte{'"'}, AppendUnescaped(nil, m.value)...)
			case valueLiteral:
			case valueObject, valueArray:
				s.skip()
				value = line[m.at:s.at]
			}
			got[string(AppendUnescaped(nil, m.key))] = string(value)
		}
		want := make(map[string]json.RawMessage)
		if len(line) == 0 || line[0] != '{' || !utf8.Valid(line) || json.Unmarshal(line, &want) != nil {
			return
		}
		if s.cut || len(got) != len(want) {
			t.Fatalf("%s: %v %q", line, s.cut, got)
		}
		for key, raw := range want {
			value := string(bytes.TrimSpace(raw))
			if strings.HasPrefix(value, `"`) {
				var text string
				if err := json.Unmarshal(raw, &text); err != nil {
					t.Fatal(err)
				}
				value = `"` + text
			}
			if got[key] != value {
				t.Errorf("%s: %q is %q, want %q", line, key, got[key], value)
			}
		}
	})
}

func BenchmarkFormats(b *testing.B) {
	for name, line := range benchLines() {
		b.Run(name, func(b *testing.B) {
			var f Fields
			b.SetBytes(int64(len(line)))
			for b.Loop() {
				if err := f.Parse(line); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
