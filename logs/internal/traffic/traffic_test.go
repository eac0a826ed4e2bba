package traffic

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/internal/testkit/blind"
	"github.com/spreadd/spreadd/internal/testkit/golden"
)

var start = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// after is a moment so many seconds after the start.
func after(seconds float64) time.Time {
	return start.Add(time.Duration(seconds * float64(time.Second)))
}

func newTraffic(t testing.TB, cfg Config) *Traffic {
	t.Helper()
	m, err := New(cfg, start)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func line(client, path string, status, size int, agent string) string {
	return fmt.Sprintf("%s - - [21/Nov/2026:12:00:00 +0000] \"GET %s HTTP/1.1\" %03d %d \"-\" %q\n", client, path, status, size, agent)
}

func (t *Traffic) text(at float64, sender, line string) {
	t.Message(after(at), "web", sender, []byte(line))
}

// check holds what the package promises of every state.
func (t *Traffic) check(tb testing.TB) {
	tb.Helper()
	s := t.Snapshot(t.start.Add(time.Duration(t.second)*time.Second), Query{Pages: 1 << 20, Sessions: 1 << 20, VHosts: 1 << 20, History: true})
	var byCode, byServer, byHost, byClass, messages int64
	var online int
	for _, c := range s.Codes {
		byCode += c.Requests
	}
	for _, r := range s.Servers {
		byServer += r.Requests
	}
	for _, r := range s.VHosts {
		byHost += r.Requests
		online += r.Online
	}
	for _, n := range s.Classes {
		byClass += n
	}
	for _, g := range s.Groups {
		messages += g.Messages
	}
	r := s.Total.Requests
	if byCode != r || byServer != r || byHost != r || byClass != r {
		tb.Errorf("%d requests, and %d by code, %d by server, %d by virtual host, %d by class", r, byCode, byServer, byHost, byClass)
	}
	notLines := s.Odd[OddEnvelope.String()] + s.Odd[OddVersion.String()]
	if odd := s.OddLines - notLines; r+odd != s.Lines && r+odd-s.Odd[OddEmpty.String()] > s.Lines {
		tb.Errorf("%d lines, %d requests, %d odd", s.Lines, r, odd)
	}
	if messages != s.Messages {
		tb.Errorf("%d messages, %d by group", s.Messages, messages)
	}
	if online != s.Online || len(s.Sessions) != s.Online {
		tb.Errorf("%d are online, %d by virtual host, %d in the list", s.Online, online, len(s.Sessions))
	}
	if len(t.sessions.index) > t.cfg.MaxSessions || len(t.vhosts.index) > t.cfg.MaxVHosts || len(s.Pages) > t.cfg.MaxPages ||
		len(s.Servers) > maxServers+1 || len(t.streams.known) > maxStreams || len(s.Groups) > maxGroups+1 {
		tb.Error("a table is larger than its bound")
	}
	for _, p := range s.Pages {
		if p.MayMiss > r/int64(t.cfg.MaxPages) {
			tb.Errorf("page %s may miss %d of %d requests with %d pages", p.Name, p.MayMiss, r, t.cfg.MaxPages)
		}
	}
}

// TestGolden feeds a few lines by hand and holds all that a snapshot says.
func TestGolden(t *testing.T) {
	m := newTraffic(t, Config{})
	m.text(0.1, "#lp1#web1", line("10.0.0.1", "/a?x=1", 200, 1000, "Firefox"))
	m.text(0.2, "#lp1#web1", line("10.0.0.1", "/a?x=2", 304, 0, "Firefox"))
	m.text(1.0, "#lp1#web2", line("10.0.0.2", "/b", 404, 50, "curl"))
	m.text(1.9, "#lp1#web2", "Shop.Example.com:443 "+line("10.0.0.2", "/b", 503, 70, "curl"))
	m.text(2.5, "#lp1#web2", "rubbish\n")
	m.text(2.5, "#lp1#web1", line("10.0.0.3", "/a", 200, 500, "Firefox")+line("10.0.0.3", "/c", 200, 500, "Firefox"))
	m.check(t)
	for name, q := range map[string]Query{
		"all":  {Pages: 10, Sessions: 10, VHosts: 10, History: true},
		"shop": {VHost: "shop.example.com", Pages: 10, Sessions: 10, VHosts: 10, History: true},
	} {
		got, err := json.MarshalIndent(m.Snapshot(after(4), q), "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		golden.File(t, "testdata/"+name+".json", string(got)+"\n")
	}
}

// TestRates: rates are over the last ten full seconds, and gone eleven seconds later.
func TestRates(t *testing.T) {
	m := newTraffic(t, Config{})
	for i := range 50 {
		m.text(float64(i)/10, "#a#web1", line("c", "/", 500, 100, "x"))
	}
	for _, tt := range []struct{ at, requests, bytes float64 }{
		{4.95, 10, 1000}, // four full seconds
		{5, 10, 1000},
		{9.9, 50. / 9, 5000. / 9},
		{10, 5, 500},
		{11, 4, 400},
		{14.99, 1, 100},
		{15, 0, 0},
		{1000, 0, 0},
	} {
		s := m.Snapshot(after(tt.at), Query{})
		if r := s.Total; r.RequestsPerSecond != tt.requests || r.BytesPerSecond != tt.bytes || r.ServerErrorsPerSecond != tt.requests || r.Requests != 50 {
			t.Errorf("after %v s: %+v, want rates %v and %v", tt.at, r, tt.requests, tt.bytes)
		}
		if s.Codes[0].RequestsPerSecond != tt.requests || s.Servers[0].RequestsPerSecond != tt.requests {
			t.Errorf("after %v s: %+v, %+v", tt.at, s.Codes, s.Servers)
		}
	}
	if s := m.Snapshot(after(5), Query{}); !s.Time.Equal(after(5)) || m.second != 1000 {
		t.Error("a clock that goes back took the machine with it")
	}
}

func TestHistory(t *testing.T) {
	m := newTraffic(t, Config{SessionTimeout: 20 * time.Second})
	for i := range 1000 {
		if i%2 == 0 {
			m.text(float64(i), "#a#web1", line("c"+strconv.Itoa(i), "/", 200, i, "x"))
		}
	}
	h := m.Snapshot(after(999), Query{History: true}).History
	if len(h) != HistorySeconds-1 || h[0].Unix != start.Unix()+400 || h[598].Unix != start.Unix()+998 {
		t.Fatalf("%d points from %d on", len(h), h[0].Unix-start.Unix())
	}
	for i, p := range h {
		want := Point{Unix: start.Unix() + int64(i) + 400, Online: 10}
		if i%2 == 0 {
			want.Classes[Class2xx], want.Bytes, want.Online = 1, int64(i)+400, 10
		}
		if p != want {
			t.Fatalf("point %d is %+v, want %+v", i, p, want)
		}
	}
	if h := m.Snapshot(after(999), Query{History: true, Since: start.Unix() + 990}).History; len(h) != 9 || h[0].Unix != start.Unix()+990 {
		t.Errorf("the last nine are %+v", h)
	}
	if h := m.Snapshot(after(5000), Query{History: true}).History; len(h) != HistorySeconds-1 && len(h) != HistorySeconds || h[0].Bytes != 0 || h[0].Online != 10 {
		t.Errorf("a long time later there are %d points, the first %+v", len(h), h[0])
	}
}

func TestOdd(t *testing.T) {
	env := (&envelope.Header{Publisher: "p"}).Append(nil)
	for why, message := range map[Odd]string{
		OddEmpty:    "",
		OddHost:     "word\n",
		OddIdent:    "a b\n",
		OddUser:     "a b c\n",
		OddTime:     "a b c [t\n",
		OddRequest:  "a b c [t] GET\n",
		OddStatus:   `a b c [t] "r" 2000 1`,
		OddBytes:    `a b c [t] "r" 200 1k`,
		OddReferrer: `a b c [t] "r" 200 1 "x`,
		OddAgent:    `a b c [t] "r" 200 1 "x" "`,
		OddJSON:     `{"method":"GET","uri":"/","status":200,`,
		OddEnvelope: string(env),
		OddVersion:  "\xffLP\x02",
	} {
		m := newTraffic(t, Config{})
		m.text(1, "#a#web1", message)
		s := m.Snapshot(after(1), Query{})
		if s.Odd[why.String()] != 1 || s.OddLines != 1 || s.Groups[0].Odd != 1 || s.Total.Requests != 0 {
			t.Errorf("%q: odd are %v, want %v", message, s.Odd, why)
		}
	}
	m := newTraffic(t, Config{})
	m.text(1, "#a#web1", "\n\n")
	if s := m.Snapshot(after(1), Query{}); s.Odd["empty"] != 2 || s.Lines != 2 {
		t.Errorf("two empty lines: %+v", s.Odd)
	}
	m = newTraffic(t, Config{})
	m.text(1, "#a#web1", "\xffLC\x01\x01a question of a publisher")
	if s := m.Snapshot(after(1), Query{}); s.Lines != 0 || s.OddLines != 0 || len(s.Groups) != 0 {
		t.Errorf("a control message counts: %+v", s)
	}
}

// TestFormats: lines of all formats are requests, whatever their users and clients are.
func TestFormats(t *testing.T) {
	const caddy = `{"ts":1.5,"request":{"client_ip":"10.0.0.1","method":"GET","host":"A.example:80","uri":"/p?q\u0026r"},"size":7,"status":404}`
	for _, tt := range []struct {
		line, vhost string
		mode        VHostMode
	}{
		{`10.0.0.1 - bob [x] y [21/Nov/2026:12:00:00 +0000] "GET /p HTTP/1.1" 404 7`, "web", VHostAuto},
		{`10.0.0.1 - [2020-01-01T00:00:00Z] [21/Nov/2026:12:00:00 +0000] "GET /p?[x] \"[y] HTTP/1.1" 404 7 "-" "[z]"`, "web", VHostAuto},
		{`a.example [2001:db8::1] - - [21/Nov/2026:12:00:00 +0000] "GET /p HTTP/1.1" 404 7`, "a.example", VHostAuto},
		{`[2001:db8::1]:443 10.0.0.1 - - [21/Nov/2026:12:00:00 +0000] "GET /p HTTP/1.1" 404 7`, "[2001:db8::1]", VHostAuto},
		{`[2001:db8::1] - - [21/Nov/2026:12:00:00 +0000] "GET /p HTTP/1.1" 404 7`, "web", VHostAuto},
		{caddy, "a.example", VHostAuto},
		{caddy, "a.example", VHostFirst},
		{caddy, "web", VHostNone},
		{"b.example " + caddy, "b.example", VHostAuto},
		{`10.0.0.1:3 [21/Nov/2026:12:00:00.123] f b/s 0/0/0/0/0 404 7 - - ---- 1/1/1/1/0 0/0 "GET /p HTTP/1.1"`, "web", VHostAuto},
	} {
		m := newTraffic(t, Config{VHost: tt.mode})
		m.text(1, "#a#web1", tt.line)
		s := m.Snapshot(after(1), Query{Pages: 9, VHosts: 9})
		if len(s.VHosts) != 1 || len(s.Pages) != 1 || len(s.Codes) != 1 {
			t.Errorf("%s: %v, odd are %v", tt.line, s.VHosts, s.Odd)
		} else if s.VHosts[0].Name != tt.vhost || s.Pages[0].Name != "/p" || s.Codes[0].Status != 404 || s.Total.Bytes != 7 {
			t.Errorf("%s: host %s, page %s, %+v, %d bytes", tt.line, s.VHosts[0].Name, s.Pages[0].Name, s.Codes[0], s.Total.Bytes)
		}
		m.check(t)
	}
}

func TestVHostModes(t *testing.T) {
	plain := line("10.0.0.1", "/", 200, 1, "x")
	for _, tt := range []struct {
		mode       VHostMode
		text, want string
	}{
		{VHostAuto, plain, "web"},
		{VHostAuto, "WWW.a.org:80 " + plain, "www.a.org"},
		{VHostAuto, "bad/host " + plain, Invalid},
		{VHostAuto, "\x1b[31m " + plain, Invalid},
		{VHostAuto, strings.Repeat("a", 300) + " " + plain, Invalid},
		{VHostNone, plain, "web"},
		{VHostFirst, "a.org - - user [t] \"GET / HTTP/1.1\" 200 1", "a.org"},
	} {
		m := newTraffic(t, Config{VHost: tt.mode})
		m.text(0, "#a#web1", tt.text)
		s := m.Snapshot(after(1), Query{VHosts: 5, Pages: 5})
		if len(s.VHosts) != 1 || s.VHosts[0].Name != tt.want || s.Pages[0].VHost != tt.want || s.Pages[0].Name != "/" {
			t.Errorf("%v %q: %+v, %+v", tt.mode, tt.text, s.VHosts, s.Pages)
		}
	}
}

// TestVHostsReplaced: who is visited keeps its place, whatever clients make up, and all counts stay
// somewhere.
func TestVHostsReplaced(t *testing.T) {
	m := newTraffic(t, Config{MaxVHosts: 3})
	for i := range 200 {
		m.text(float64(i), "#a#web1", "real "+line("c", "/", 200, 1, "x"))
		m.text(float64(i), "#a#web1", fmt.Sprintf("fake%d %s", i, line("c", "/", 404, 1, "x")))
		m.check(t)
	}
	s := m.Snapshot(after(200), Query{VHosts: 10, VHostOrder: ByRequests})
	if s.VHosts[0].Name != "real" && s.VHosts[1].Name != "real" || s.NumVHosts != 3 || s.VHostsReplaced == 0 {
		t.Errorf("%+v", s.VHosts)
	}
	for _, r := range s.VHosts {
		if r.Name == "real" && r.Requests != 200 {
			t.Errorf("the real one has %d", r.Requests)
		}
	}
	if s.Online != 201 {
		t.Errorf("%d online", s.Online)
	}
	if o := m.Snapshot(after(200), Query{VHost: Other}); !o.Known || o.Total.Requests < 190 || o.Online < 190 {
		t.Errorf("the others: %+v", o)
	}
	if o := m.Snapshot(after(200), Query{VHost: "nobody"}); o.Known || o.Total.Requests != 0 || o.Online != 0 {
		t.Errorf("one that is not there: %+v", o)
	}
}

func TestEnvelopes(t *testing.T) {
	m := newTraffic(t, Config{})
	send := func(publisher string, epoch, seq uint64, lines int) {
		h := envelope.Header{Publisher: publisher, Epoch: epoch, Seq: seq}
		m.text(1, "#a#web1", string(h.Append(nil))+strings.Repeat(line("c", "/", 200, 1, "x"), lines))
	}
	for _, tt := range []struct {
		publisher                   string
		epoch, seq                  uint64
		lines                       int
		requests, repeated, missing int64
	}{
		{"a", 1, 5, 2, 2, 0, 0}, // what was before is not known
		{"a", 1, 7, 1, 3, 0, 0},
		{"a", 1, 6, 2, 3, 2, 0},
		{"a", 1, 7, 3, 5, 3, 0},   // one is old, two are new
		{"b", 1, 0, 1, 6, 3, 0},   // another publisher
		{"a", 1, 12, 1, 7, 3, 2},  // 10 and 11 do not come
		{"a", 2, 0, 1, 8, 3, 2},   // a new life
		{"a", 1, 13, 1, 9, 3, 2},  // the end of the old one
		{"a", 1, 11, 1, 10, 3, 2}, // late
		{"a", 1, 3, 1, 11, 3, 2},  // from before we came
		{"a", 1, 11, 2, 11, 5, 2}, // and that again
		{"a", 1, 1 << 60, 1, 12, 5, 2 + maxGap},
	} {
		send(tt.publisher, tt.epoch, tt.seq, tt.lines)
		s := m.Snapshot(after(1), Query{})
		if s.Total.Requests != tt.requests || s.Repeated != tt.repeated || s.Missing != tt.missing {
			t.Fatalf("%+v: %d requests, %d repeated, %d missing", tt, s.Total.Requests, s.Repeated, s.Missing)
		}
	}
	if s := m.Snapshot(after(1), Query{}); s.Late != 1 {
		t.Errorf("%d late", s.Late)
	}
	for i := range uint64(maxStreams + 10) {
		send("c", i, 0, 1)
	}
	m.check(t)
	if m.streams.forgotten != 1 {
		t.Errorf("streams were forgotten %d times", m.streams.forgotten)
	}
}

// TestBounds: nothing grows with what clients make up.
func TestBounds(t *testing.T) {
	m := newTraffic(t, Config{MaxSessions: 50, MaxVHosts: 5, MaxPages: 20})
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 5000 {
		n := strconv.Itoa(i)
		m.Message(after(float64(i)/7), "group"+strconv.Itoa(i%1500), "#"+n+"#host"+strconv.Itoa(i%400),
			[]byte("v"+n+" "+line(n, "/"+n, r.IntN(1000), i, "agent"+n)))
		if i%500 == 0 {
			m.check(t)
		}
	}
	m.check(t)
	s := m.Snapshot(after(5000./7), Query{Pages: 100, Sessions: 100, VHosts: 100})
	if !s.OnlineAtLeast || s.SessionsEvicted != 4950 || s.Online != 50 || len(s.Servers) != maxServers+1 || len(s.Groups) != maxGroups+1 {
		t.Errorf("%v, %d evicted, %d online, %d servers, %d groups", s.OnlineAtLeast, s.SessionsEvicted, s.Online, len(s.Servers), len(s.Groups))
	}
}

// TestAllocs: lines of known clients, pages and hosts allocate nothing, with envelopes of several
// publishers between each other too.
func TestAllocs(t *testing.T) {
	m := newTraffic(t, Config{})
	now := start
	var messages [][]byte
	for i := range 20 {
		l := "www.example.com:80 " + line("10.0.0."+strconv.Itoa(i), "/page/"+strconv.Itoa(i%7), 200+i, 1000, "Mozilla/5.0")
		messages = append(messages, []byte(l), append((&envelope.Header{Publisher: "p" + strconv.Itoa(i%2), Epoch: 1}).Append(nil), l...), []byte("odd\n"))
	}
	run := func() {
		for i, b := range messages {
			m.Message(now, "web", []string{"#a#web1", "#b#web2"}[i/3%2], b)
		}
		now = now.Add(700 * time.Millisecond)
	}
	run()
	run()
	if n := testing.AllocsPerRun(100, run); n != 0 {
		t.Errorf("%v allocations for %d lines", n, len(messages))
	}
}

func TestConfig(t *testing.T) {
	for want, cfg := range map[string]Config{
		"session time-out": {SessionTimeout: time.Second},
		"sessions":         {MaxSessions: -1},
		"virtual hosts":    {MaxVHosts: LimitVHosts + 1},
		"pages":            {MaxPages: -5},
	} {
		if _, err := New(cfg, start); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}

// FuzzMessage: whatever comes, the sums hold and text is clean.
func FuzzMessage(f *testing.F) {
	f.Add([]byte(line("10.0.0.1", "/\x1b[2J", 200, 1, "<script>")), "#a#web1", uint16(3)) // hostile
	f.Add([]byte("v.org:80 "+line("::1", "/", 404, 1, "x")+"\n\nodd\n"), "", uint16(900)) // several
	f.Add([]byte(`{"request":{"client_ip":"\u202e","method":"G","host":"a","uri":"/\u0000x"},"size":"-","status":7}`), "#a#b", uint16(1))
	f.Add(append((&envelope.Header{Publisher: "p", Seq: 7}).Append(nil), "a\nb\n"...), "#\x1b#", uint16(0))
	blind.Fuzz(f, func(t *testing.T, message []byte, sender string, seconds uint16) {
		m := newTraffic(t, Config{MaxSessions: 3, MaxVHosts: 2, MaxPages: 3})
		for i, part := range bytes.SplitAfter(message, []byte("\n")) {
			m.Message(after(float64(int(seconds)*i)), "web", sender, part)
		}
		m.Message(after(1), "\x1b", sender, message)
		m.check(t)
		text, err := json.Marshal(m.Snapshot(after(2), Query{Pages: 9, Sessions: 9, VHosts: 9}))
		if err != nil {
			t.Fatal(err)
		}
		var all any
		if err := json.Unmarshal(text, &all); err != nil {
			t.Fatal(err)
		}
		texts(all, func(s string) {
			if Clean(s) != s {
				t.Errorf("a snapshot has %q", s)
			}
		})
	})
}

// texts calls see for each text in a decoded JSON value.
func texts(v any, see func(string)) {
	switch v := v.(type) {
	case string:
		see(v)
	case []any:
		for _, x := range v {
			texts(x, see)
		}
	case map[string]any:
		for k, x := range v {
			see(k)
			texts(x, see)
		}
	}
}

// TestHugeSizes: sums of sizes that no response has stop at the largest number instead of becoming
// negative.
func TestHugeSizes(t *testing.T) {
	m := newTraffic(t, Config{})
	for range 20 {
		m.text(1, "#pub#web1", strings.Replace(line("192.0.2.7", "/", 200, 1, "a"), " 1 ", " 999999999999999999 ", 1))
	}
	s := m.Snapshot(after(2), Query{Pages: 10, Sessions: 10, VHosts: 10, History: true})
	sums := []int64{s.Total.Bytes, s.Codes[0].Bytes, s.Servers[0].Bytes, s.VHosts[0].Bytes, s.Pages[0].Bytes, s.Sessions[0].Bytes}
	for _, p := range s.History {
		if p.Bytes != 0 {
			sums = append(sums, p.Bytes)
		}
	}
	if len(sums) != 7 {
		t.Errorf("%d sums", len(sums))
	}
	for i, n := range sums {
		if n != math.MaxInt64 {
			t.Errorf("sum %d is %d", i, n)
		}
	}
	if r := s.Total.BytesPerSecond; r <= 0 {
		t.Errorf("rate %v", r)
	}
}
