package screen

import (
	"strconv"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// count prints a number in at most six cells: 0 to 99,999, 100k, 1.2M.
func count(n int64) string {
	switch {
	case n < 100_000:
		return thousands(n)
	default:
		return scaled(float64(n), 1000, "kMGTPE")
	}
}

func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	if len(s) > 3 {
		return s[:len(s)-3] + "," + s[len(s)-3:]
	}
	return s
}

// size prints a number of bytes in powers of 1000, as for networks: 950 B, 1.2 kB.
func size(n float64) string {
	if n < 1000 {
		return strconv.Itoa(int(n)) + " B"
	}
	s := scaled(n, 1000, "kMGTPE")
	return s[:len(s)-1] + " " + s[len(s)-1:] + "B"
}

// scaled prints three digits and the letter of a power.
func scaled(n, base float64, letters string) string {
	i := -1
	for n >= base-0.5 && i < len(letters)-1 {
		n /= base
		i++
	}
	return digits(n) + letters[max(i, 0):][:1]
}

// digits prints a number below 1000 with up to three digits.
func digits(n float64) string {
	if n < 9.95 {
		return strconv.FormatFloat(n, 'f', 1, 64)
	}
	return strconv.FormatFloat(n, 'f', 0, 64)
}

// rate prints a number per second: 0, 0.4, 12, 1,234.
func rate(n float64) string {
	switch {
	case n == 0:
		return "0"
	case n < 0.05:
		return "<0.1"
	case n < 1000:
		return digits(n)
	default:
		return count(int64(n + 0.5))
	}
}

// percent prints a share.
func percent(share float64) string {
	switch {
	case share == 0:
		return "0%"
	case share < 0.0005:
		return "<0.1%"
	case share < 0.0995:
		return strconv.FormatFloat(100*share, 'f', 1, 64) + "%"
	default:
		return strconv.FormatFloat(100*share, 'f', 0, 64) + "%"
	}
}

// span prints a time in two units: 5s, 3m05s, 2h07m, 3d04h.
func span(d time.Duration) string {
	s := int64(max(d, 0) / time.Second)
	two := func(a int64, x string, b int64, y string) string {
		t := strconv.FormatInt(b, 10)
		if b < 10 {
			t = "0" + t
		}
		return strconv.FormatInt(a, 10) + x + t + y
	}
	switch {
	case s < 60:
		return strconv.FormatInt(s, 10) + "s"
	case s < 3600:
		return two(s/60, "m", s%60, "s")
	case s < 86400:
		return two(s/3600, "h", s/60%60, "m")
	default:
		return two(s/86400, "d", s/3600%24, "h")
	}
}

// left fits text into a number of cells, aligned left; right aligns right. Text that is too long
// ends with "…".
func left(s string, width int) string {
	if width <= 0 {
		return ""
	}
	s = ansi.Truncate(s, width, "…")
	return s + strings.Repeat(" ", max(width-ansi.StringWidth(s), 0))
}

func right(s string, width int) string {
	if width <= 0 {
		return ""
	}
	s = ansi.Truncate(s, width, "…")
	return strings.Repeat(" ", max(width-ansi.StringWidth(s), 0)) + s
}
