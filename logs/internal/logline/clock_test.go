package logline

import (
	"testing"
	"time"
)

// TestTime reads times as package time does.
func TestTime(t *testing.T) {
	for _, layout := range []string{
		"h - - [02/Jan/2006:15:04:05 -0700] \"GET /\"", "[2006-01-02T15:04:05Z07:00] x", "[2006-01-02 15:04:05.000-0700] x", "[2006-01-02T15:04:05,999999-07:00]",
	} {
		for _, zone := range []*time.Location{time.UTC, time.FixedZone("", -9*3600-1800), time.FixedZone("", 14*3600)} {
			for at := time.Date(1999, 12, 31, 23, 59, 58, 0, zone); at.Year() < 2105; at = at.Add(1000*time.Hour + 61*time.Second) {
				if got, ok := Time([]byte(at.Format(layout))); !ok || got != at.Unix() {
					t.Fatalf("%s is read as %v, %v, want %v", at.Format(layout), time.Unix(got, 0).UTC(), ok, at.UTC())
				}
			}
		}
	}
	for _, line := range []string{
		"", "[", "no time\n", "[]", "[10/Okt/2000:13:55:36 -0700]", "[10/Oct/2000:13:55:36 -070", "[40/Oct/2000:13:55:36 -0700]",
		"[10/Oct/2000:25:55:36 -0700]", "[10/Oct/2000:13:55:36 *0700]", "[2000-13-10T13:55:36Z]", "[2000-10-10T13:55:36.123]      ",
		"[2000-10-10T13:55:36.12345678901234567890", "[::1] - - [10/Oct/2000:13:55:36 -0700]",
	} {
		if got, ok := Time([]byte(line)); ok {
			t.Errorf("%q is read as %v", line, time.Unix(got, 0).UTC())
		}
	}
}

func FuzzTime(f *testing.F) {
	f.Add("[10/Oct/2000:13:55:36 -0700]")
	f.Add("[2000-10-10T13:55:36.5+07:00]")
	f.Fuzz(func(t *testing.T, line string) {
		if second, ok := Time([]byte(line)); ok && (second < -1<<37 || second > 1<<38) {
			t.Errorf("%q is read as %d", line, second)
		}
	})
}

// TestClocks: what each says of the same lines.
func TestClocks(t *testing.T) {
	receipt := time.Date(2000, 10, 10, 12, 0, 30, 0, time.UTC)
	lines := []string{
		"no time yet", "[10/Oct/2000:12:00:10 +0000]", "[10/Oct/2000:12:00:05 +0000]", "no time", "[10/Oct/2000:14:00:11 +0200]",
		"[10/Oct/2001:12:00:00 +0000]", "[10/Oct/2000:12:05:30 +0000]", "[10/Oct/2000:12:00:12 +0000]",
	}
	for kind, want := range map[Clock][]string{
		ClockAgreed:  {"12:00:30", "12:00:10", "12:00:10", "12:00:10", "12:00:11", "12:00:11", "12:05:30", "12:05:30"},
		ClockLine:    {"12:00:30", "12:00:10", "12:00:05", "12:00:05", "12:00:11", "12:00:11", "12:05:30", "12:00:12"},
		ClockReceipt: {"12:00:30", "12:00:30", "12:00:30", "12:00:30", "12:00:30", "12:00:30", "12:00:30", "12:00:30"},
	} {
		c := NewTimer(kind, time.UTC)
		for i, line := range lines {
			if got := c.At([]byte(line), receipt).Format(time.TimeOnly); got != want[i] {
				t.Errorf("%v: line %d has %s, want %s", kind, i, got, want[i])
			}
		}
	}
	if _, err := ParseClock("sundial"); err == nil {
		t.Error("an unknown clock is taken")
	}
}
