package logline

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

func line(host, path string, status int) []byte {
	return fmt.Appendf(nil, "%s - kim [10/Oct/2000:13:55:36 -0700] \"GET %s HTTP/1.1\" %d 123 \"http://ref/\" \"Bot/1.0\" tail\n", host, path, status)
}

func re(s string) *regexp.Regexp { return regexp.MustCompile(s) }

func TestConditions(t *testing.T) {
	ok, notFound, failed := line("h1", "/a", 200), line("h2", "/health", 404), line("h3", "/b", 503)
	bad := []byte("not an access log's line\n")
	for _, tt := range []struct {
		name  string
		rules Rules
		kept  string // of ok, notFound, failed, bad
	}{
		{"nothing", Rules{}, "1111"},
		{"keep by expression", Rules{Keep: []Condition{{Match: re("health|not an")}}}, "0101"},
		{"drop by expression", Rules{Drop: []Condition{{Match: re("health|not an")}}}, "1010"},
		{"not", Rules{Keep: []Condition{{Match: re("health"), Not: true}}}, "1011"},
		{"keep by status", Rules{Keep: []Condition{{Status: []Status{{404, 404}, {500, 599}}}}}, "0110"},
		{"keep by no status", Rules{Keep: []Condition{{Status: []Status{{200, 299}}, Not: true}}}, "0110"},
		{"drop by status", Rules{Drop: []Condition{{Status: []Status{{200, 299}}}}}, "0111"},
		{"path", Rules{Drop: []Condition{{Field: FieldPath, Match: re("^/health$")}}}, "1011"},
		{"path and status", Rules{Keep: []Condition{{Field: FieldPath, Match: re("^/"), Status: []Status{{500, 599}}}}}, "0010"},
		{"either", Rules{Keep: []Condition{{Field: FieldHost, Match: re("h1")}, {Status: []Status{{500, 599}}}}}, "1010"},
		{"keep and drop", Rules{Keep: []Condition{{Field: FieldMethod, Match: re("GET")}}, Drop: []Condition{{Field: FieldPath, Match: re("b")}}}, "1100"},
		{"other fields", Rules{Keep: []Condition{{Field: FieldUser, Match: re("kim")}}, Drop: []Condition{
			{Field: FieldIdent, Match: re("x")},
			{Field: FieldTime, Match: re("x")},
			{Field: FieldRequest, Match: re("x")},
			{Field: FieldProto, Match: re("x")},
			{Field: FieldReferrer, Match: re("x")},
			{Field: FieldAgent, Match: re("x")},
			{Field: FieldRest, Match: re("x")},
		}}, "1110"},
		{"agent and rest", Rules{Keep: []Condition{{Field: FieldAgent, Match: re("^Bot")}}, Drop: []Condition{{Field: FieldRest, Match: re("^tail$"), Not: true}}}, "1110"},
	} {
		f := NewFilter(tt.rules)
		var got strings.Builder
		for _, l := range [][]byte{ok, notFound, failed, bad} {
			if f.Judge(l, l) == Kept {
				got.WriteString("1")
			} else {
				got.WriteString("0")
			}
		}
		if got.String() != tt.kept {
			t.Errorf("%s: kept %s, want %s", tt.name, got.String(), tt.kept)
		}
	}
}

// TestSample: as many are kept as wanted, always the same ones, and together what belongs together.
func TestSample(t *testing.T) {
	for _, rate := range []float64{0.001, 0.1, 0.5, 0.9} {
		for _, by := range []Field{FieldLine, FieldHost, FieldPath} {
			f, g := NewFilter(Rules{Sample: rate, SampleBy: by}), NewFilter(Rules{Sample: rate, SampleBy: by})
			kept, byKey := 0, make(map[string]Verdict)
			const n = 20000
			for i := range n {
				l := line(fmt.Sprintf("10.0.%d.%d", i/256%64, i%256), fmt.Sprintf("/p%d", i), 200)
				v := f.Judge(l, l)
				if g.Judge(l, l) != v {
					t.Fatal("two hosts differ")
				}
				if v == Kept {
					kept++
				}
				if by == FieldHost {
					key := strings.Fields(string(l))[0]
					if old, ok := byKey[key]; ok && old != v {
						t.Fatalf("lines of %s are treated differently", key)
					}
					byKey[key] = v
				}
			}
			if want := rate * n; float64(kept) < want*0.85-15 || float64(kept) > want*1.15+15 {
				t.Errorf("%v by %v: %d of %d kept", rate, by, kept, n)
			}
		}
	}
	// What is sampled may not change from version to version.
	if h := hash([]byte("spread")); h != wantHash {
		t.Errorf("the hash is %#x", h)
	}
	f := NewFilter(Rules{Sample: 1})
	if f.Judge(nil, nil) != Kept {
		t.Error("a sample of all is not all")
	}
	f = NewFilter(Rules{Sample: 0.5, SampleBy: FieldHost})
	if bad := []byte("x\n"); f.Judge(bad, bad) == Filtered {
		t.Error("a line without fields is filtered")
	}
}

const wantHash = 0xbfc5d26fd3c2af43

func TestStatus(t *testing.T) {
	for _, text := range []string{"404", "5xx", "400-410", "0"} {
		s, err := ParseStatus(text)
		if err != nil || s.String() != text {
			t.Errorf("%s is read as %v, %v", text, s, err)
		}
	}
	for _, text := range []string{"", "xx", "0xx", "55x", "5-4", "-1", "1000", "4xx-5xx", "1-"} {
		if s, err := ParseStatus(text); err == nil {
			t.Errorf("%q is read as %v", text, s)
		}
	}
}

func TestFieldNames(t *testing.T) {
	for f := range numFields {
		if got, err := ParseField(f.String()); err != nil || got != f {
			t.Errorf("%v is read as %v, %v", f, got, err)
		}
	}
	if _, err := ParseField("cookie"); err == nil || !strings.Contains(err.Error(), "referrer") {
		t.Errorf("an unknown field: %v", err)
	}
}

func TestAllocations(t *testing.T) {
	f := NewFilter(Rules{Keep: []Condition{{Status: []Status{{200, 299}}}}, Drop: []Condition{{Field: FieldPath, Match: re("^/health")}}, Sample: 0.5, SampleBy: FieldHost})
	l := line("h1", "/a", 200)
	if n := testing.AllocsPerRun(100, func() { f.Judge(l, l) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestFilterCutLines: conditions use every field that can be read, also of a line that was cut, or
// whose end is odd.
func TestFilterCutLines(t *testing.T) {
	const head = `192.0.2.7 - kim [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.1" `
	re := regexp.MustCompile
	notFound := Condition{Status: []Status{{404, 404}}}
	for _, tt := range []struct {
		line string
		keep Condition
		want Verdict
	}{
		{head + `404 17 "http://ref/ver`, notFound, Kept},
		{head + `404 17 "http://ref/" "Bot/1`, notFound, Kept},
		{head + `404 1x`, notFound, Kept},
		{head + `404`, notFound, Kept},
		{head + `200 17 "http://ref/ver`, notFound, Filtered},
		{head + `40`, notFound, Filtered},
		{head + `40`, Condition{Field: FieldPath, Match: re("^/a$")}, Kept},
		{head + `40`, Condition{Field: FieldUser, Match: re("kim")}, Kept},
		{head + `404 17 "http://ref/" "Bot/1`, Condition{Field: FieldReferrer, Match: re("ref")}, Kept},
		{head + `404 17 "http://ref/" "Bot/1`, Condition{Field: FieldAgent, Match: re("")}, Filtered},
		{head[:len(head)-10], Condition{Field: FieldHost, Match: re("^192")}, Kept},
		{head[:len(head)-10], Condition{Field: FieldUser, Match: re("kim")}, Kept},
		{head[:len(head)-10], Condition{Field: FieldPath, Match: re("")}, Filtered},
		{`192.0.2.7:1 [09/Dec/2013:12:59:46.633]`, Condition{Field: FieldTime, Match: re("633$")}, Kept},
		{`no access log [line] "at all`, Condition{Field: FieldHost, Match: re("no")}, Filtered},
		{`no access log line at all`, Condition{Field: FieldHost, Match: re("no")}, Filtered},
	} {
		if got := NewFilter(Rules{Keep: []Condition{tt.keep}}).Judge([]byte(tt.line), []byte(tt.line)); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.line, got, tt.want)
		}
	}
}
