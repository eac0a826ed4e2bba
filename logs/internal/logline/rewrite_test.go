package logline

import (
	"bytes"
	"testing"
	"time"
)

var (
	utc     = time.UTC
	newYork = time.FixedZone("EST", -5*3600)
	kolkata = time.FixedZone("IST", 5*3600+1800)

	// The moment of the examples in spreadlogd §9.
	moment = time.Date(2026, 11, 21, 3, 21, 31, 123456789, utc)
)

// TestRewrite holds the rules of spreadlogd §9.
func TestRewrite(t *testing.T) {
	for _, tt := range []struct {
		name     string
		format   Format
		zone     *time.Location
		in, want string
	}{
		{"Common Log Format", CommonLog(), utc, "h - - [03/Apr/2004:11:48:51 -0400] \"GET\"\n", "h - - [21/Nov/2026:03:21:31 +0000] \"GET\"\n"},
		{"the real offset", CommonLog(), newYork, "[x] msg", "[20/Nov/2026:22:21:31 -0500] msg"},
		{"half an hour", CommonLog(), kolkata, "[x]", "[21/Nov/2026:08:51:31 +0530]"},
		{"no pair: no brackets", CommonLog(), utc, "plain\n", "plain\n"},
		{"no pair: no end", CommonLog(), utc, "a [ b\n", "a [ b\n"},
		{"no pair: wrong order", CommonLog(), utc, "a ] b [ c\n", "a ] b [ c\n"},
		{"end before the pair", CommonLog(), utc, "a ] b [ c ]", "a ] b [21/Nov/2026:03:21:31 +0000]"},
		{"nested", CommonLog(), utc, "[a [b] c] d", "[21/Nov/2026:03:21:31 +0000] c] d"},
		{"only the first", CommonLog(), utc, "[a] [b]", "[21/Nov/2026:03:21:31 +0000] [b]"},
		{"only the first line", CommonLog(), utc, "[a]\n[b]\n", "[21/Nov/2026:03:21:31 +0000]\n[b]\n"},
		{"over lines", CommonLog(), utc, "a [\n] b", "a [21/Nov/2026:03:21:31 +0000] b"},
		{"an IPv6 host is taken by mistake", CommonLog(), utc, "[::1] - - [x]", "[21/Nov/2026:03:21:31 +0000] - - [x]"},
		{"empty", CommonLog(), utc, "", ""},
		{"NUL bytes", CommonLog(), utc, "\x00[\x00]\x00", "\x00[21/Nov/2026:03:21:31 +0000]\x00"},

		{"a format takes the brackets away", Strftime("%Y-%m-%dT%H:%M:%S%z"), newYork, "[x] msg", "2026-11-20T22:21:31-0500 msg"},
		{"a format with brackets", Strftime("[%s]"), newYork, "[x] msg", "[1795231291] msg"},
		{"English whatever the locale", Strftime("%a %A %b %B %p"), utc, "[x]", "Sat Saturday Nov November AM"},
		{"percent sign", Strftime("%%%d%"), utc, "[x]", "%21%"},
		{"words", Strftime("CommonLogFormat"), utc, "[x]", "CommonLogFormat"},
		{"empty format", Strftime(""), utc, "a [x] b", "a  b"},
		{"unknown conversion", Strftime("%i"), utc, "[x]", "%i"},
		{"milliseconds", Strftime("%S.%L"), utc, "[x]", "31.123"},

		{"none", Format{}, utc, "[x] y", "[x] y"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := NewRewriter(tt.format)
			for range 2 { // the second is from the cache
				got := r.Append([]byte("kept|"), []byte(tt.in), moment.In(tt.zone))
				if string(got) != "kept|"+tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
			}
		})
	}
}

// What is cached must not outlive its second, its zone, or a smaller part of the second that the
// format shows.
func TestRewriteCache(t *testing.T) {
	steps := []struct {
		now  time.Time
		want [3]string // CommonLog, %S, %f
	}{
		{moment, [3]string{"[21/Nov/2026:03:21:31 +0000]", "31", "123456"}},
		{moment.Add(time.Millisecond), [3]string{"[21/Nov/2026:03:21:31 +0000]", "31", "124456"}},
		{moment.Add(time.Second), [3]string{"[21/Nov/2026:03:21:32 +0000]", "32", "123456"}},
		{moment.Add(time.Second).In(newYork), [3]string{"[20/Nov/2026:22:21:32 -0500]", "32", "123456"}},
		{moment.Add(-time.Hour), [3]string{"[21/Nov/2026:02:21:31 +0000]", "31", "123456"}},
		{time.Unix(0, 0).In(utc), [3]string{"[01/Jan/1970:00:00:00 +0000]", "00", "000000"}},
	}
	rewriters := [...]*Rewriter{NewRewriter(CommonLog()), NewRewriter(Strftime("%S")), NewRewriter(Strftime("%f"))}
	for i, step := range steps {
		for j, r := range rewriters {
			if got := string(r.Append(nil, []byte("[]"), step.now)); got != step.want[j] {
				t.Errorf("step %d: got %q, want %q", i, got, step.want[j])
			}
		}
	}
}

// The offset is that of the moment, also when clocks are set back.
func TestRewriteOffsetChanges(t *testing.T) {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Skipf("no time zone database: %v", err)
	}
	r := NewRewriter(CommonLog())
	before := time.Date(2026, 11, 1, 5, 59, 59, 0, utc).In(zone)
	for i, want := range []string{"[01/Nov/2026:01:59:59 -0400]", "[01/Nov/2026:01:00:00 -0500]"} {
		if got := string(r.Append(nil, []byte("[]"), before.Add(time.Duration(i)*time.Second))); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestRewriteAllocs(t *testing.T) {
	line := []byte(`192.0.2.7 - - [03/Apr/2004:11:48:51 -0400] "GET / HTTP/1.0" 200 512` + "\n")
	r := NewRewriter(CommonLog())
	dst := make([]byte, 0, 1024)
	now := moment
	if n := testing.AllocsPerRun(1000, func() {
		now = now.Add(10 * time.Millisecond)
		dst = r.Append(dst[:0], line, now)
	}); n != 0 {
		t.Errorf("%v allocations a line", n)
	}
}

func FuzzRewrite(f *testing.F) {
	f.Add([]byte("a [b] c"), "%Y")
	f.Add([]byte("[a [b] c] d"), "%")
	f.Add([]byte("]["), "%E%O%Ey%-d%:z%:")
	f.Fuzz(func(t *testing.T, line []byte, format string) {
		for _, r := range []*Rewriter{NewRewriter(CommonLog()), NewRewriter(Strftime(format))} {
			got := r.Append(nil, line, moment)
			begin := bytes.IndexByte(line, '[')
			end := bytes.IndexByte(line[max(begin, 0):], ']')
			if begin < 0 || end < 0 {
				if !bytes.Equal(got, line) {
					t.Errorf("%q became %q", line, got)
				}
				continue
			}
			if !bytes.HasPrefix(got, line[:begin]) || !bytes.HasSuffix(got, line[begin+end+1:]) {
				t.Errorf("%q became %q", line, got)
			}
		}
	})
}

func BenchmarkRewrite(b *testing.B) {
	line := []byte(`192.0.2.7 - - [03/Apr/2004:11:48:51 -0400] "GET / HTTP/1.0" 200 512` + "\n")
	r := NewRewriter(CommonLog())
	dst := make([]byte, 0, 1024)
	b.ReportAllocs()
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		dst = r.Append(dst[:0], line, moment)
	}
}
