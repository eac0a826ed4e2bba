package traffic

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/spreadd/spreadd/internal/testkit/blind"
)

// TestSketch holds the promises of the algorithm against exact counts, for streams from flat to
// steep.
func TestSketch(t *testing.T) {
	const limit, n = 50, 20_000
	for _, steep := range []float64{1.01, 1.2, 2} {
		r := rand.New(rand.NewPCG(7, uint64(steep*100)))
		z := rand.NewZipf(r, steep, 1, 5000)
		s := newSketch(limit)
		exact := make(map[string]int64)
		for range n {
			key := strconv.FormatUint(z.Uint64(), 10)
			exact[key]++
			s.add([]byte(key)).tally.add(0, 0, Class2xx)
		}
		if len(s.heap) != limit || len(s.index) != limit {
			t.Fatalf("%d and %d keys, want %d", len(s.heap), len(s.index), limit)
		}
		for i, e := range s.heap {
			if got := exact[e.key]; e.count-e.err > got || got > e.count || e.err > n/limit || e.total.requests != e.count-e.err {
				t.Errorf("%s came %d times, and is said to have come %d to %d times (%d counted)", e.key, got, e.count-e.err, e.count, e.total.requests)
			}
			if e.place != i || s.index[e.key] != e || i > 0 && s.heap[(i-1)/2].count > e.count {
				t.Fatalf("the heap is out of order at %d", i)
			}
		}
		for key, count := range exact {
			if s.index[key] == nil && (count > n/limit || count > s.heap[0].count) {
				t.Errorf("%s came %d times and is not there", key, count)
			}
		}
	}
}

func TestSessions(t *testing.T) {
	m := newTraffic(t, Config{SessionTimeout: time.Minute, MaxSessions: 4})
	list := func(at float64, q Query) string {
		var out []string
		q.Sessions = 10
		s := m.Snapshot(after(at), q)
		for _, x := range s.Sessions {
			out = append(out, x.Client+"/"+x.Agent+"@"+x.VHost)
		}
		if len(out) != s.Online {
			t.Errorf("%d online, %d in the list", s.Online, len(out))
		}
		m.check(t)
		return strings.Join(out, " ")
	}
	m.text(0, "#a#b", line("1", "/", 200, 50, "x"))
	m.text(10, "#a#b", line("2", "/", 200, 1, "x"))
	m.text(20, "#a#b", line("2", "/", 500, 1, "y"))
	m.text(30, "#a#b", "v "+line("1", "/", 200, 1, "x"))
	for _, tt := range []struct {
		at   float64
		q    Query
		want string
	}{
		{30, Query{SessionOrder: ByRecent}, "1/x@v 2/y@web 2/x@web 1/x@web"},
		{30, Query{SessionOrder: ByLongest}, "1/x@web 2/x@web 2/y@web 1/x@v"},
		{30, Query{SessionOrder: ByBytes}, "1/x@web 1/x@v 2/y@web 2/x@web"},
		{30, Query{SessionOrder: ByErrors}, "2/y@web 1/x@v 2/x@web 1/x@web"},
		{30, Query{SessionOrder: ByName}, "1/x@v 1/x@web 2/x@web 2/y@web"},
		{30, Query{VHost: "v", SessionOrder: ByRecent}, "1/x@v"},
		{59.9, Query{SessionOrder: ByRecent}, "1/x@v 2/y@web 2/x@web 1/x@web"},
		{60, Query{SessionOrder: ByRecent}, "1/x@v 2/y@web 2/x@web"},
	} {
		if got := list(tt.at, tt.q); got != tt.want {
			t.Errorf("after %v s, %+v: %s, want %s", tt.at, tt.q, got, tt.want)
		}
	}
	m.text(61, "#a#b", line("2", "/", 200, 1, "x")) // comes again
	m.text(62, "#a#b", line("3", "/", 200, 1, "x"))
	m.text(63, "#a#b", line("4", "/", 200, 1, "x")) // for which 2/y has to go
	if got, want := list(63, Query{SessionOrder: ByRecent}), "4/x@web 3/x@web 2/x@web 1/x@v"; got != want {
		t.Errorf("with four at most: %s, want %s", got, want)
	}
	if s := m.Snapshot(after(64), Query{}); !s.OnlineAtLeast || s.SessionsEvicted != 1 {
		t.Errorf("at least: %v, %d evicted", s.OnlineAtLeast, s.SessionsEvicted)
	}
	if s := m.Snapshot(after(123), Query{}); s.OnlineAtLeast || s.Online != 0 {
		t.Errorf("a minute later: %v, %d online", s.OnlineAtLeast, s.Online)
	}
	m.text(130, "#a#b", "1 - John Doe [t] \"-\" 408 -")
	if s := m.Snapshot(after(130), Query{Sessions: 1, Pages: 9}); s.Sessions[0].User != "John Doe" || s.Sessions[0].Page != "" || len(s.Pages) != 2 {
		t.Errorf("%+v, %+v", s.Sessions, s.Pages)
	}
}

func TestOrders(t *testing.T) {
	rows := []Row{
		{Name: "a", Requests: 10, Bytes: 5, ServerErrors: 1, RequestsPerSecond: 1, BytesPerSecond: 9},
		{Name: "b", Requests: 20, Bytes: 4, ClientErrors: 1, RequestsPerSecond: 3, ClientErrorsPerSecond: 3},
		{Name: "c", Requests: 20, Bytes: 6, ClientErrors: 2, RequestsPerSecond: 2, ServerErrorsPerSecond: 1},
	}
	for o, want := range map[Order]string{
		ByRequests: "bca", ByRate: "bca", ByBytes: "cab", ByBandwidth: "abc", ByErrors: "cab", ByErrorShare: "cba", ByName: "abc",
	} {
		list := top[Row]{limit: 3, compare: func(a, b Row) int { return o.compare(&a, &b) }}
		for _, r := range rows {
			list.add(r)
		}
		var names []string
		for _, r := range list.kept {
			names = append(names, r.Name)
		}
		if got := strings.Join(names, ""); got != want {
			t.Errorf("by %v: %s, want %s", o, got, want)
		}
	}
	for o := range NumOrders {
		if p, err := ParseOrder(o.String()); err != nil || p != o {
			t.Errorf("%v is read as %v, %v", o, p, err)
		}
	}
	if _, err := ParseOrder("x"); err == nil {
		t.Error("order x is there")
	}
}

func TestTop(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for limit := range 12 {
		var all []int
		list := top[int]{limit: limit, compare: cmp.Compare[int]}
		for range 10 {
			n := r.IntN(20)
			all = append(all, n)
			list.add(n)
		}
		slices.Sort(all)
		if !slices.Equal(list.kept, all[:min(limit, 10)]) {
			t.Errorf("the first %d of %v are %v", limit, all, list.kept)
		}
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"":                                 "",
		`/a b?"<script>&\x1b`:              `/a b?"<script>&\x1b`,
		"Bücher 日本 🙂":                      "Bücher 日本 🙂",
		"\x1b[31mred\x1b[0m":               `\x1b[31mred\x1b[0m`,
		"\x1b]0;title\x07":                 `\x1b]0;title\a`,
		"a\r\n\tb\x00\x7f":                 `a\r\n\tb\x00\x7f`,
		"\u009b31m\u0085":                  `\u009b31m\u0085`,
		"\x9b31m\xff":                      `\x9b31m\xff`,
		"abc\u202egnp.exe":                 `abc\u202egnp.exe`,
		"\u2066\u200b\u2028\ufeff":         `\u2066\u200b\u2028\ufeff`,
		"\u00a0":                           `\u00a0`,
		"e\u0301":                          "e\u0301",
		"e\u0301\u0301\u0301\u0301\u0301x": "e\u0301\u0301\u0301\u0301" + `\u0301x`,
		"\xf0\x9f\x99":                     `\xf0\x9f\x99`,
		"\U000e0041":                       `\U000e0041`,
	} {
		if got := Clean(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("plain /index.html")
	f.Add("\x1b[2J\x9b\u202e")
	f.Add("e\u0301\u0301\u0301\u0301\u0301")
	blind.Fuzz(f, func(t *testing.T, s string) {
		c := Clean(s)
		if !utf8.ValidString(c) {
			t.Errorf("%q becomes %q, which is not UTF-8", s, c)
		}
		for _, r := range c {
			if r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
				t.Errorf("%q becomes %q, with %U", s, c, r)
			}
		}
		if again := Clean(c); again != c {
			t.Errorf("%q becomes %q and then %q", s, c, again)
		}
	})
}
