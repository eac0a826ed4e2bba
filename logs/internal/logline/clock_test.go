package logline

import (
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/testkit/blind"
)

// timeOf returns the time of a line in seconds. Times without an offset are in UTC.
func timeOf(line string) (second int64, ok bool) {
	s := FindTime([]byte(line))
	return s.Unix(time.UTC), s.Found()
}

// TestTimeNotations reads times as package time does.
func TestTimeNotations(t *testing.T) {
	for _, layout := range []string{
		"h - - [02/Jan/2006:15:04:05 -0700] \"GET /\"", "[2006-01-02T15:04:05Z07:00] x", "[2006-01-02 15:04:05.000-0700] x", "[2006-01-02T15:04:05,999999-07:00]",
		`{"time":"2006-01-02T15:04:05.999999999Z07:00"}`, `{"time_local":"02/Jan/2006:15:04:05 -0700"}`, "[2006/01/02 15:04:05 -0700] x",
	} {
		for _, zone := range []*time.Location{time.UTC, time.FixedZone("", -9*3600-1800), time.FixedZone("", 14*3600)} {
			for at := time.Date(1999, 12, 31, 23, 59, 58, 0, zone); at.Year() < 2105; at = at.Add(1000*time.Hour + 61*time.Second) {
				if got, ok := timeOf(at.Format(layout)); !ok || got != at.Unix() {
					t.Fatalf("%s is read as %v, %v, want %v", at.Format(layout), time.Unix(got, 0).UTC(), ok, at.UTC())
				}
			}
		}
	}
}

// TestTimePlaces: the time of a line is the first that is where its format has it.
func TestTimePlaces(t *testing.T) {
	const want, other = "10/Oct/2010:13:55:36 -0700", "2020-01-01T00:00:00Z"
	second := time.Date(2010, 10, 10, 20, 55, 36, 0, time.UTC).Unix()
	for _, line := range []string{
		`h - - [` + want + `] "GET /?[` + other + `] HTTP/1.1" 200 1 "-" "[` + other + `]"`,
		`[2001:db8::1]:443 10.0.0.1 - - [` + want + `] "GET / HTTP/1.1" 200 1`,
		`[2001:db8::1] - - [` + want + `] "GET / HTTP/1.1" 200 1`,
		`[2001:db8::1] - - [` + want + `] GET / 200`,
		`h - bob [x] y [` + want + `] "GET / HTTP/1.1" 200 1`,
		`h - bob [` + other + `] [` + want + `] "GET / HTTP/1.1" 200 1`,
		`h - [` + other + `] \"GET [` + other + `] \"x [` + want + `] "GET / HTTP/1.1" 200 1`,
		`h - [` + other + ` [` + want + `] "GET / HTTP/1.1" 200 1`,
		`h - a [` + other + `] b [` + want + `] 0.003 "GET /?[` + other + `] " 200`,
		`www.example.com [` + want + `] "GET / HTTP/1.1" 200`,
		`h [` + want + `] 200 GET /x [` + other + `]`,
		`[` + want + `] h "GET /?x [` + other + `] " 200`,
		`<134>Oct 10 13:55:36 web1 app[12]: [` + want + `] started [` + other + `]`,
		"h - - [" + want + "] \"GET / HTTP/1.1\" 200 1\nh - - [" + other + "] \"GET / HTTP/1.1\" 200 1",
		`h - - [1286744136.123] "GET /?[` + other + `] HTTP/1.1" 200 1`,
		`[Sun Oct 10 20:55:36.123456 2010] [core:error] [pid 35708] [client [2001:db8::1]:80] File does not exist: /x [` + other + `]`,
		`[Sun Oct 10 20:55:36 2010] [error] x`,
		`10.0.1.2:33317 [10/Oct/2010:20:55:36.655] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {a [` + other + `]|} {} "GET /[` + other + `] HTTP/1.1"`,
		`Oct 10 13:55:36 lb haproxy[14389]: [2001:db8::2]:33313 [10/Oct/2010:20:55:36.443] fnt bck/srv1 0/0/5007 212 -- 0/0/0/0/3 0/0`,
		`Oct  9 13:55:36 lb haproxy[14389]: 2001:db8::2:33313 [10/Oct/2010:20:55:36.443] fnt/1: SSL handshake failure`,
		`www.example.com unix:1 [10/Oct/2010:20:55:36.443] fnt bck/srv1 0/0/5007 212 -- 0/0/0/0/3 0/0`,
		`{"level":"info","ts":1286744136.5241024,"logger":"http.log.access","request":{"uri":"/?[` + other + `]","time":"` + other + `"},"time":"` + other + `"}`,
		`{"a":{"ts":1577836800},"b":[{"ts":1577836800}],"msec":"1286744136.000","request":"GET /?\"ts\":1577836800 HTTP/1.1"}`,
		`{"remote_addr":"10.0.0.1","time_local":"` + want + `","request":"GET / HTTP/1.1"}`,
		`{"time_local":"[` + want + `]","request":"GET / HTTP/1.1"}`,
		`{"time_iso8601":"2010-10-10T13:55:36-07:00"}`,
		`{"time":0.003,"@timestamp":"2010-10-10T20:55:36.123Z"}`,
		`{"time":"yesterday", "timestamp" : 1286744136123}`,
		`{"@t":1286744136123456}`,
		`{"timestamp":1286744136123456789}`,
		`{"StartUTC":"2010-10-10T20:55:36.123456789Z","time":"` + other + `"}`,
		`{"asctime":"2010-10-10 20:55:36,123"}`,
		`{"ts":1286744136,"msg":"cut`,
		`www.example.com {"ts":1286744136.5}`,
		`  { "ts" : 1286744136.5 }`,
		`[` + want + `] [info] "text"`,
		`Oct 10 13:55:36 web1 caddy[12]: {"ts":1286744136.5}`,
		`Oct 10 13:55:36 web1 app: @cee: {"time":1286744136}`,
		`<13>Oct 10 13:55:36 web1 app: {"ts":1286744136.5}`, `<13>{"ts":1286744136.5}`, `<13>1 - web1 app 1 - - {"ts":1286744136.5}`,
		"<13>1 - web1 app 1 - - \ufeff{\"ts\":1286744136.5}",
		"\t{\"ts\":1286744136}"[1:] + "\r\n",
	} {
		if got, ok := timeOf(line); !ok || got != second {
			t.Errorf("%s is read as %v, %v", line, time.Unix(got, 0).UTC(), ok)
		}
	}
	for _, line := range []string{
		"", "[", "no time\n", "[]", "[10/Okt/2000:13:55:36 -0700]", "[10/Oct/2010:13:55:36 -070", "[40/Oct/2010:13:55:36 -0700]", "{", "{}", "{]",
		"[10/Oct/2010:25:55:36 -0700]", "[10/Oct/2010:13:55:36 *0700]", "[2000-13-10T13:55:36Z]", "[2010-10-10T13:55:36.12345678901234567890",
		`GET /?[` + other + `]`, `GET / [` + other + `]`, `handled GET /?x [` + other + `] in 5 ms`, `INFO a b c d e f g h i j [` + other + `]`,
		`h - - - "GET /?[` + other + `] HTTP/1.1" 200 1`, `"x [` + other + `] " 200`, `app: "GET / [` + other + `]" [` + other + `]`,
		`{"msg":"GET /?[` + other + `]"}`, `{"msg":"GET / [` + other + `] "}`, `{"msg":"\",\"ts\":1577836800"}`, `{"request":{"ts":1577836800}}`,
		`{"ts":"x","time":null,"timestamp":12,"msec":99999999999,"Time":123456789,"@t":-1286744136}`, `{"ts`, `{"ts":`, `{"ts":1577836800`, `{"ts":"` + other,
		`INFO {"ts":1577836800}`, `cannot read body: {"time":"` + other + `"}`, `a b {"ts":1577836800}`, `www {"msg":"x [` + other + `] "}`,
		`<13>Oct 10 13:55:36 web1 app: GET /?q={"time":"` + other + `"}`, `<13>Oct 10 13:55:36 web1 app: cannot read body: {"time":"` + other + `"}`,
		`h - bob [` + other + `] [x] "GET / HTTP/1.1" 200 1`, `h id [` + other + `] [x] "GET / HTTP/1.1" 200 1`,
		"x\n[" + other + "]", "x\n{\"ts\":1577836800}", `h - [1577836800] - GET /`,
	} {
		if got, ok := timeOf(line); ok {
			t.Errorf("%q is read as %v", line, time.Unix(got, 0).UTC())
		}
	}
}

func FuzzTime(f *testing.F) {
	f.Add("[10/Oct/2000:13:55:36 -0700]", "")
	f.Add("[2000-10-10T13:55:36.5+07:00]", "x")
	f.Add(`{"level":"info","ts":1646861401.5241024,"msg":"x"}`, "")
	f.Add(`10.0.0.1:33 [09/Dec/2013:12:59:46.633] a b/c 0/0/0/0/0 200 1 - - ---- 1/1/1/1/0 0/0 "GET /"`, "")
	f.Add(`h - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 1`, `bob [2020-01-01T00:00:00Z] y`)
	f.Add(`[2001:db8::1]:443 h - - [10/Oct/2000:13:55:36 -0700] "GET /?[2020-01-01T00:00:00Z]"`, `\" [x`)
	blind.Fuzz(f, func(t *testing.T, line, user string) {
		s := FindTime([]byte(line))
		if at := s.Unix(time.UTC); s.Found() && (at < -1<<37 || at > 1<<38) {
			t.Errorf("%q is read as %d", line, at)
		}
		if s.begin < 0 || s.end < s.begin || s.end > len(line) {
			t.Fatalf("%q: the time is at %d to %d", line, s.begin, s.end)
		}
		// A client that chooses its user and its request does not choose its time.
		escaped := escapes(user)
		access := `h - ` + escaped + ` [10/Oct/2000:13:55:36 -0700] "` + escaped + `" 200 1 "` + escaped + `" "` + escaped + `"`
		if got, ok := timeOf(access); !ok || got != 971211336 {
			t.Errorf("%q is read as %d, %v", access, got, ok)
		}
		var fields Fields
		if err := fields.Parse([]byte(access)); err != nil || string(fields.User) != escaped || string(fields.Request) != escaped {
			t.Errorf("%q: user %q, request %q, %v", access, fields.User, fields.Request, err)
		}
	})
}

// escapes returns a text as servers write that of a client.
func escapes(text string) string {
	var b []byte
	for _, c := range []byte(text) {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ':
			b = append(b, `\x00`...)
		default:
			b = append(b, c)
		}
	}
	return string(b)
}

// TestClocks: what each says of the same lines. A line without a time, or with one in a place of
// its own, does not move them.
func TestClocks(t *testing.T) {
	receipt := time.Date(2000, 10, 10, 12, 0, 30, 0, time.UTC)
	lines := []string{
		"no time yet", "[10/Oct/2000:12:00:10 +0000]", "[10/Oct/2000:12:00:05 +0000]", "no time", "[10/Oct/2000:14:00:11 +0200]",
		"[10/Oct/2001:12:00:00 +0000]", "[10/Oct/2000:12:05:30 +0000]", "GET /?[1999-01-01T00:00:00Z]", "[10/Oct/2000:12:00:12 +0000]",
		"10.0.0.1:3 [10/Oct/2000:14:00:13.633] f b/s",
	}
	zone := time.FixedZone("", 7200)
	for kind, want := range map[Clock][]string{
		ClockAgreed:  {"12:00:30", "12:00:10", "12:00:10", "12:00:30", "12:00:11", "12:00:11", "12:05:30", "12:00:30", "12:05:30", "12:05:30"},
		ClockLine:    {"12:00:30", "12:00:10", "12:00:05", "12:00:30", "12:00:11", "12:00:11", "12:05:30", "12:00:30", "12:00:12", "12:00:13"},
		ClockReceipt: {"12:00:30", "12:00:30", "12:00:30", "12:00:30", "12:00:30", "12:00:30", "12:00:30", "12:00:30", "12:00:30", "12:00:30"},
	} {
		c := NewTimer(kind, zone)
		for i, line := range lines {
			s := FindTime([]byte(line))
			if got := c.At(&s, receipt).UTC().Format(time.TimeOnly); got != want[i] {
				t.Errorf("%v: line %d has %s, want %s", kind, i, got, want[i])
			}
		}
	}
	if _, err := ParseClock("sundial"); err == nil {
		t.Error("an unknown clock is taken")
	}
}

// BenchmarkFindTime is the cost of the time of a line.
func BenchmarkFindTime(b *testing.B) {
	for name, line := range benchLines() {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				s := FindTime(line)
				if !s.Found() {
					b.Fatal("no time")
				}
			}
		})
	}
}
