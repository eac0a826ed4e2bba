package conf

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Size is a number of bytes that is written with a unit: "64MiB".
type Size int64

// sizeUnits are the units of a [Size], the largest first. Those before "TB" are the ones that
// [Size.String] writes.
var sizeUnits = [...]struct {
	name string
	size int64
}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1}}

// ParseSize reads a number of bytes with or without a unit: "64MiB", "512".
func ParseSize(text string) (Size, error) {
	number, unit := text, int64(1)
	for _, u := range sizeUnits {
		if n, ok := strings.CutSuffix(text, u.name); ok {
			number, unit = strings.TrimSpace(n), u.size
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > (1<<62)/unit {
		return 0, fmt.Errorf("%q is not a size; write 512, 64KiB, 64MiB or 1GiB", text)
	}
	return Size(n * unit), nil
}

// String returns what [ParseSize] reads, with the largest unit that needs no fraction.
func (s Size) String() string {
	for _, u := range sizeUnits[:4] {
		if n := int64(s); n >= u.size && n%u.size == 0 {
			return strconv.FormatInt(n/u.size, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// Duration is a time.Duration that is zero or more and may be written in days: "30d".
type Duration time.Duration

// day is a unit that package time does not have.
const day = 24 * time.Hour

// ParseDuration reads what [time.ParseDuration] does, and days ("30d"). Negative durations are
// errors.
func ParseDuration(text string) (time.Duration, error) {
	var d time.Duration
	var err error
	if n, ok := strings.CutSuffix(text, "d"); ok {
		var days uint64
		days, err = strconv.ParseUint(n, 10, 16)
		d = time.Duration(days) * day
	} else {
		d, err = time.ParseDuration(text)
	}
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a duration; write 500ms, 90s, 10m, 24h or 30d", text)
	}
	return d, nil
}

// String returns what [ParseDuration] reads, without units that are zero.
func (d Duration) String() string {
	t := time.Duration(d)
	if t >= day && t%day == 0 {
		return strconv.Itoa(int(t/day)) + "d"
	}
	s := t.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
