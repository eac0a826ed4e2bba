package conf

import (
	"testing"
	"time"
)

// TestFormats: what is written is read back.
func TestFormats(t *testing.T) {
	for _, d := range []time.Duration{0, time.Millisecond, time.Second, 90 * time.Second, 10 * time.Minute, time.Hour, day, 30 * day, day + time.Minute, 100 * time.Minute} {
		if got, err := ParseDuration(Duration(d).String()); err != nil || got != d {
			t.Errorf("%v is written %q and read %v, %v", d, Duration(d), got, err)
		}
	}
	for _, n := range []Size{0, 1, 1000, 1 << 10, 1<<10 + 1, 64 << 20, 3 << 30, 1 << 40} {
		if got, err := ParseSize(n.String()); err != nil || got != n {
			t.Errorf("%d is written %q and read %v, %v", n, n, got, err)
		}
	}
	for _, s := range []string{"", "-1", "1XB", "99999999999GiB", "MiB"} {
		if n, err := ParseSize(s); err == nil {
			t.Errorf("%q is read as %d", s, n)
		}
	}
}

func TestSuggest(t *testing.T) {
	known := []string{"file", "group", "queue", "stats_interval", "rewrite_time"}
	for word, want := range map[string]string{
		"File": "file", "statsinterval": "stats_interval", "stats-interval": "stats_interval", "fil": "file", "grup": "group", "ququee": "",
		"rewrite_tmie": "rewrite_time", "xy": "", "": "", "color": "",
	} {
		if got := Suggest(word, known); got != want {
			t.Errorf("%q may mean %q, want %q", word, got, want)
		}
	}
}

// letter is an enumeration.
type letter uint8

func (l letter) String() string { return string('a' + rune(l)) }

func TestParseEnum(t *testing.T) {
	if l, err := ParseEnum[letter]("letter", "c", 3); l != 2 || err != nil {
		t.Errorf("%v, %v", l, err)
	}
	if _, err := ParseEnum[letter]("letter", "d", 3); err == nil || err.Error() != `unknown letter "d" (want a, b or c)` {
		t.Errorf("the fourth of three: %v", err)
	}
}
