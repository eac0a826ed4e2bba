package logline

import "testing"

// TestTimesRemembers: a time that is remembered is the one that the line has, whatever lines came in between.
func TestTimesRemembers(t *testing.T) {
	var times Times
	for _, line := range []string{
		`h - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 1`,
		`h.example - - [10/Oct/2000:13:55:36 -0700] "GET /b HTTP/1.1" 200 1`,
		`h - - [10/Oct/2000:13:55:36 +0700] "GET / HTTP/1.1" 200 1`,
		`h - - [10/Oct/2000:13:55:99 +0700] "GET / HTTP/1.1" 200 1`,
		`h - - [10/Oct/2000:13:55:37 +0700] "GET / HTTP/1.1" 200 1`,
		`{"ts":"2000-10-10T13:55:36Z"}`,
		`h - - [2000-10-10T13:55:36+00:00] "GET / HTTP/1.1" 200 1`,
		`h - - [10/Oct/2000:13:55:37 +0700] "GET / HTTP/1.1" 200 1`,
		`no time`,
	} {
		for range 2 {
			if got, want := times.Find([]byte(line)), FindTime([]byte(line)); got != want {
				t.Errorf("%s: %+v, want %+v", line, got, want)
			}
		}
	}
}

// TestPlainHost: the short way finds what the long way finds.
func TestPlainHost(t *testing.T) {
	for message, want := range map[string]int{
		"www1.example.com h - -": 16, "a b": 1, "1a-b c": 4, "": 0, "a": 0, " a": 0, "a\nb c": 0, "192.0.2.1 -": 0,
		"- x": 0, "Jan 1": 0, "www:80 x": 0, "a_b x": 0, "{ x": 0,
	} {
		if got := plainHost([]byte(message)); got != want {
			t.Errorf("%q: %d, want %d", message, got, want)
		}
		if first, rest := FirstWord([]byte(message)); want > 0 && (len(first) != want || !mayBeHost(first, rest)) {
			t.Errorf("%q: the first word is %q", message, first)
		}
	}
}
