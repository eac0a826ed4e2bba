package logline

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/testkit/blind"
)

var (
	utc     = time.UTC
	newYork = time.FixedZone("EST", -5*3600)
	kolkata = time.FixedZone("IST", 5*3600+1800)

	// The moment of the examples in spreadlogd §9.
	moment = time.Date(2026, 11, 21, 3, 21, 31, 123456789, utc)
)

// rewritten returns a line with a time.
func rewritten(r *Rewriter, dst, line []byte, now time.Time) []byte {
	stamp := FindTime(line)
	return r.Append(dst, line, &stamp, now)
}

// TestRewrite holds the rules of spreadlogd §9, except that the text in the brackets must be a time
// in its place.
func TestRewrite(t *testing.T) {
	const t0, t1 = "[03/Apr/2004:11:48:51 -0400]", "[21/Nov/2026:03:21:31 +0000]"
	for _, tt := range []struct {
		name     string
		format   Format
		zone     *time.Location
		in, want string
	}{
		{"Common Log Format", CommonLog(), utc, "h - - " + t0 + " \"GET\"\n", "h - - " + t1 + " \"GET\"\n"},
		{"the real offset", CommonLog(), newYork, t0 + " msg", "[20/Nov/2026:22:21:31 -0500] msg"},
		{"half an hour", CommonLog(), kolkata, t0, "[21/Nov/2026:08:51:31 +0530]"},
		{"no pair: no brackets", CommonLog(), utc, "plain\n", "plain\n"},
		{"no pair: no end", CommonLog(), utc, "a [ b\n", "a [ b\n"},
		{"no time", CommonLog(), utc, "[x] msg\n", "[x] msg\n"},
		{"only the first", CommonLog(), utc, t0 + " " + t0, t1 + " " + t0},
		{"only the first line", CommonLog(), utc, t0 + "\n" + t0 + "\n", t1 + "\n" + t0 + "\n"},
		{"no time in the first line", CommonLog(), utc, "x\n" + t0 + "\n", "x\n" + t0 + "\n"},
		{"an IPv6 host", CommonLog(), utc, "[::1]:443 h - - " + t0 + ` "GET /` + t0 + `"`, "[::1]:443 h - - " + t1 + ` "GET /` + t0 + `"`},
		{"a user with brackets", CommonLog(), utc, "h - bob [x] y " + t0 + ` "GET /"`, "h - bob [x] y " + t1 + ` "GET /"`},
		{"a user with a time", CommonLog(), utc, "h - bob " + t0 + " " + t0 + ` "GET /"`, "h - bob " + t0 + " " + t1 + ` "GET /"`},
		{"a time in the request only", CommonLog(), utc, `GET /?` + t0, `GET /?` + t0},
		{"empty", CommonLog(), utc, "", ""},
		{"NUL bytes", CommonLog(), utc, "\x00 " + t0 + "\x00", "\x00 " + t1 + "\x00"},

		{"HAProxy", CommonLog(), utc, "10.0.0.1:33 [03/Apr/2004:11:48:51.633] f b/s", "10.0.0.1:33 " + t1 + " f b/s"},
		{"JSON, seconds", CommonLog(), utc, `{"ts":1646861401.5241024,"msg":"` + t0 + `"}`, `{"ts":1795231291.1234567,"msg":"` + t0 + `"}`},
		{"JSON, fewer digits", CommonLog(), utc, `{"ts":946681200.5}`, `{"ts":1795231291.1}`},
		{"JSON, milliseconds", Strftime("%Y"), utc, `{"time":1646861401524}`, `{"time":1795231291123}`},
		{"JSON, nanoseconds and more", CommonLog(), utc, `{"time":1646861401524123456.00}`, `{"time":1795231291123456789.00}`},
		{"JSON, text", CommonLog(), utc, `{"msec":"1646861401.524"}`, `{"msec":"1795231291.123"}`},
		{"JSON, RFC 3339", CommonLog(), utc, `{"time":"2020-01-01T00:00:00.123Z"}`, `{"time":"2026-11-21T03:21:31.123Z"}`},
		{"JSON, RFC 3339 with an offset", CommonLog(), newYork, `{"time":"2020-01-01T00:00:00+02:00"}`, `{"time":"2026-11-20T22:21:31-05:00"}`},
		{"JSON, no offset", CommonLog(), newYork, `{"asctime":"2020-01-01 00:00:00,123"}`, `{"asctime":"2026-11-20 22:21:31,123"}`},
		{"JSON, Common Log Format", Strftime("%s"), newYork, `{"time_local":"03/Apr/2004:11:48:51 -0400"}`, `{"time_local":"20/Nov/2026:22:21:31 -0500"}`},
		{"JSON behind a host", CommonLog(), utc, `www.a.example {"time":"[2020-01-01T00:00:00Z]"}` + "\n", `www.a.example {"time":"[2026-11-21T03:21:31Z]"}` + "\n"},

		{"a format takes the brackets away", Strftime("%Y-%m-%dT%H:%M:%S%z"), newYork, t0 + " msg", "2026-11-20T22:21:31-0500 msg"},
		{"a format with brackets", Strftime("[%s]"), newYork, t0 + " msg", "[1795231291] msg"},
		{"English whatever the locale", Strftime("%a %A %b %B %p"), utc, t0, "Sat Saturday Nov November AM"},
		{"percent sign", Strftime("%%%d%"), utc, t0, "%21%"},
		{"words", Strftime("CommonLogFormat"), utc, t0, "CommonLogFormat"},
		{"empty format", Strftime(""), utc, "a " + t0 + " b", "a  b"},
		{"unknown conversion", Strftime("%i"), utc, t0, "%i"},
		{"milliseconds", Strftime("%S.%L"), utc, t0, "31.123"},

		{"none", Format{}, utc, t0 + " y", t0 + " y"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := NewRewriter(tt.format)
			for range 2 { // the second is from the cache
				got := rewritten(r, []byte("kept|"), []byte(tt.in), moment.In(tt.zone))
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
			if got := string(rewritten(r, nil, []byte("[10/Oct/2000:13:55:36 -0700]"), step.now)); got != step.want[j] {
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
		if got := string(rewritten(r, nil, []byte("[10/Oct/2000:13:55:36 -0700]"), before.Add(time.Duration(i)*time.Second))); got != want {
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
		dst = rewritten(r, dst[:0], line, now)
	}); n != 0 {
		t.Errorf("%v allocations a line", n)
	}
}

func FuzzRewrite(f *testing.F) {
	f.Add([]byte("a [10/Oct/2000:13:55:36 -0700] c"), "%Y")
	f.Add([]byte("[2001:db8::1] - [x [10/Oct/2000:13:55:36 -0700] \"GET\""), "%")
	f.Add([]byte("]["), "%E%O%Ey%-d%:z%:")
	f.Add([]byte(`{"ts":1646861401.5241024}`), "%s")
	f.Add([]byte(`{"time":"2020-01-01 00:00:00.123456789012 +0200","a":1}`), "%s")
	blind.Fuzz(f, func(t *testing.T, line []byte, format string) {
		stamp := FindTime(line)
		for _, r := range []*Rewriter{NewRewriter(CommonLog()), NewRewriter(Strftime(format))} {
			got := r.Append(nil, line, &stamp, moment)
			if !bytes.HasPrefix(got, line[:stamp.begin]) || !bytes.HasSuffix(got, line[stamp.end:]) || !stamp.Found() && !bytes.Equal(got, line) {
				t.Errorf("%q became %q", line, got)
			}
			if !stamp.json {
				continue
			}
			// What is rewritten is in the same place and notation.
			again := FindTime(got)
			if again.begin != stamp.begin || again.Unix(utc) != moment.Unix() || json.Valid(line) && !json.Valid(got) {
				t.Errorf("%q became %q", line, got)
			}
		}
	})
}

func BenchmarkRewrite(b *testing.B) {
	line := []byte(`192.0.2.7 - - [03/Apr/2004:11:48:51 -0400] "GET / HTTP/1.0" 200 512` + "\n")
	r := NewRewriter(CommonLog())
	dst := make([]byte, 0, 1024)
	var times Times
	b.ReportAllocs()
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		stamp := times.Find(line)
		dst = r.Append(dst[:0], line, &stamp, moment)
	}
}
