package logline

import (
	"strconv"
	"time"
)

// dateStyle is how the date of a time is written.
type dateStyle uint8

const (
	dateCommon dateStyle = iota // 02/Jan/2006, as in the Common Log Format
	dateISO                     // 2006-01-02
	dateSlash                   // 2006/01/02
	dateC                       // Mon Jan _2 15:04:05 2006, as in error logs of Apache
	dateEpoch                   // seconds since 1970, or a thousandth, millionth or billionth of that
)

// zoneStyle is how the offset of a time is written.
type zoneStyle uint8

const (
	zoneNone  zoneStyle = iota // the time is local
	zoneShort                  // -0700
	zoneColon                  // -07:00 or Z
	zoneHours                  // -07
)

// notation is how a time is written. It is what [notation.append] needs to write another one in the
// same way.
type notation struct {
	date  dateStyle
	zone  zoneStyle
	space bool // in front of the offset
	sep   byte // between the date and the time of day
	// point is in front of a fraction of digits digits. 0 means no fraction.
	point  byte
	digits uint8
	// unit is the exponent of the unit of dateEpoch: 0, 3, 6 or 9.
	unit uint8
}

// layoutCommon is the length of 02/Jan/2006:15:04:05 -0700.
const layoutCommon = 26

// parseTime reads a whole text as a time: with an offset or without, with a fraction or without. A
// time without an offset is returned as if it were in UTC.
func parseTime(b []byte) (second int64, n notation, ok bool) {
	if len(b) == layoutCommon && b[2] == '/' && b[20] == ' ' {
		second, ok = commonLogTime(b)
		return second, notation{date: dateCommon, zone: zoneShort, space: true, sep: ':'}, ok
	}
	if len(b) < len("2006-01-02T15:04:05") {
		return 0, n, false
	}
	var day int64
	switch {
	case b[4] == '-' && b[7] == '-':
		n.date = dateISO
		day, ok = date(b[:4], month2(b[5:7]), b[8:10])
		b = b[10:]
	case b[4] == '/' && b[7] == '/':
		n.date = dateSlash
		day, ok = date(b[:4], month2(b[5:7]), b[8:10])
		b = b[10:]
	case b[2] == '/' && b[6] == '/' && len(b) >= len("02/Jan/2006:15:04:05"):
		n.date = dateCommon
		day, ok = date(b[7:11], month(b[3:6]), b[:2])
		b = b[11:]
	case b[3] == ' ' && b[7] == ' ':
		return cTime(b)
	}
	if !ok {
		return 0, n, false
	}
	n.sep = b[0]
	clock, ok := timeOfDay(b[1:9])
	if !ok || n.sep != 'T' && n.sep != ' ' && n.sep != ':' && n.sep != 't' {
		return 0, n, false
	}
	b = n.fraction(b[9:])
	if len(b) > 1 && b[0] == ' ' {
		n.space, b = true, b[1:]
	}
	offset, ok := n.offset(b)
	return day + clock - offset, n, ok
}

// cTime reads Mon Jan _2 15:04:05 2006, with or without a fraction of the second.
func cTime(b []byte) (second int64, n notation, ok bool) {
	n.date = dateC
	if len(b) < len("Mon Jan _2 15:04:05 2006") || b[10] != ' ' {
		return 0, n, false
	}
	dayText := b[8:10]
	if dayText[0] == ' ' {
		dayText = dayText[1:]
	}
	clock, ok1 := timeOfDay(b[11:19])
	rest := n.fraction(b[19:])
	if len(rest) != len(" 2006") || rest[0] != ' ' {
		return 0, n, false
	}
	day, ok2 := date(rest[1:], month(b[4:7]), dayText)
	return day + clock, n, ok1 && ok2
}

// fraction reads a fraction of the second, if there is one, and returns what follows.
func (n *notation) fraction(b []byte) []byte {
	if len(b) < 2 || b[0] != '.' && b[0] != ',' {
		return b
	}
	i := 1
	for i < len(b) && isDigit(b[i]) && i < 250 {
		i++
	}
	if i > 1 {
		n.point, n.digits = b[0], uint8(i-1)
		b = b[i:]
	}
	return b
}

// offset reads Z, -07:00, -0700, -07 or nothing, and returns the offset in seconds.
func (n *notation) offset(b []byte) (offset int64, ok bool) {
	switch {
	case len(b) == 0:
		return 0, !n.space
	case len(b) == 1 && (b[0] == 'Z' || b[0] == 'z'):
		n.zone = zoneColon
		return 0, true
	case len(b) == 6 && b[3] == ':':
		n.zone = zoneColon
		return zoneOffset(b[0], b[1:3], b[4:6])
	case len(b) == 5:
		n.zone = zoneShort
		return zoneOffset(b[0], b[1:3], b[3:5])
	case len(b) == 3:
		n.zone = zoneHours
		return zoneOffset(b[0], b[1:3], nil)
	}
	return 0, false
}

// layout returns the layout of package time for a notation with a date.
func (n *notation) layout() string {
	b := make([]byte, 0, 64)
	fraction := func() {
		if n.point != 0 {
			b = append(b, n.point)
			for range min(n.digits, 9) {
				b = append(b, '0')
			}
		}
	}
	switch n.date {
	case dateCommon:
		b = append(b, "02/Jan/2006"...)
	case dateISO:
		b = append(b, "2006-01-02"...)
	case dateSlash:
		b = append(b, "2006/01/02"...)
	case dateC:
		b = append(b, "Mon Jan _2 15:04:05"...)
		fraction()
		return string(append(b, " 2006"...))
	case dateEpoch:
	}
	b = append(append(b, n.sep), "15:04:05"...)
	fraction()
	if n.space {
		b = append(b, ' ')
	}
	return string(append(b, [...]string{zoneNone: "", zoneShort: "-0700", zoneColon: "Z07:00", zoneHours: "-07"}[n.zone]...))
}

// Bounds of a number that is a time, in seconds: of the years 1990 to 2100.
const (
	minEpoch = 631_152_000
	maxEpoch = 4_102_444_800
)

// parseEpoch reads a number as a time since 1970. Its digits in front of the point say whether it
// has seconds, milliseconds, microseconds or nanoseconds.
func parseEpoch(b []byte) (second int64, n notation, ok bool) {
	n.date = dateEpoch
	whole := 0
	for whole < len(b) && isDigit(b[whole]) {
		whole++
	}
	if whole < 9 || whole > 19 || whole%3 == 2 {
		return 0, n, false
	}
	n.unit = uint8(whole-9) / 3 * 3
	if len(n.fraction(b[whole:])) > 0 || n.point == ',' {
		return 0, n, false
	}
	for _, c := range b[:whole-int(n.unit)] { // at most eleven digits
		second = second*10 + int64(c-'0')
	}
	return second, n, second >= minEpoch && second < maxEpoch
}

// appendEpoch appends a time as [parseEpoch] reads it.
func (n *notation) appendEpoch(dst []byte, t time.Time) []byte {
	var digits [9]byte
	for i, nanos := 8, t.Nanosecond(); i >= 0; i-- {
		digits[i] = byte('0' + nanos%10)
		nanos /= 10
	}
	dst = strconv.AppendInt(dst, t.Unix(), 10)
	dst = append(dst, digits[:n.unit]...)
	if n.point == 0 {
		return dst
	}
	dst = append(dst, n.point)
	for i := range int(n.digits) {
		c := byte('0')
		if at := int(n.unit) + i; at < len(digits) {
			c = digits[at]
		}
		dst = append(dst, c)
	}
	return dst
}

// commonLogTime reads 02/Jan/2006:15:04:05 -0700.
func commonLogTime(b []byte) (int64, bool) {
	_ = b[25]
	day, ok1 := date(b[7:11], month(b[3:6]), b[:2])
	clock, ok2 := timeOfDay(b[12:20])
	offset, ok3 := zoneOffset(b[21], b[22:24], b[24:26])
	return day + clock - offset, ok1 && ok2 && ok3 && b[2] == '/' && b[6] == '/' && b[11] == ':' && b[20] == ' '
}

// date returns the beginning of a day in seconds since 1970.
func date(yearText []byte, month int, dayText []byte) (second int64, ok bool) {
	year, ok1 := decimal(yearText)
	day, ok2 := decimal(dayText)
	if !ok1 || !ok2 || month < 1 || month > 12 || day < 1 || day > 31 {
		return 0, false
	}
	return midnight(year, month, day), true
}

// month returns the number of a month by the first letters of its English name, or 0 for other text.
func month(b []byte) int {
	switch string(b) {
	case "Jan":
		return 1
	case "Feb":
		return 2
	case "Mar":
		return 3
	case "Apr":
		return 4
	case "May":
		return 5
	case "Jun":
		return 6
	case "Jul":
		return 7
	case "Aug":
		return 8
	case "Sep":
		return 9
	case "Oct":
		return 10
	case "Nov":
		return 11
	case "Dec":
		return 12
	}
	return 0
}

// month2 returns the number of a month in two digits, or 0 for other text.
func month2(b []byte) int {
	n, ok := decimal(b)
	if !ok {
		return 0
	}
	return n
}

// timeOfDay reads 15:04:05.
func timeOfDay(b []byte) (int64, bool) {
	h, ok1 := decimal(b[:2])
	m, ok2 := decimal(b[3:5])
	s, ok3 := decimal(b[6:8])
	return int64(h*3600 + m*60 + s), ok1 && ok2 && ok3 && b[2] == ':' && b[5] == ':' && h < 24 && m < 60 && s <= 60
}

// zoneOffset returns an offset in seconds.
func zoneOffset(sign byte, hours, minutes []byte) (int64, bool) {
	h, ok1 := decimal(hours)
	m, ok2 := decimal(minutes)
	n := int64(h*3600 + m*60)
	if sign == '-' {
		n = -n
	}
	return n, ok1 && ok2 && (sign == '+' || sign == '-') && h < 24 && m < 60
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// decimal reads digits.
func decimal(b []byte) (n int, ok bool) {
	for _, c := range b {
		if !isDigit(c) {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

// midnight returns the beginning of a day in seconds since 1970. It lets years begin in March, so
// that the leap day is the last day of its year.
func midnight(year, month, day int) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	days := 365*year + year/4 - year/100 + year/400 + (153*(month-3)+2)/5 + day - 1
	return int64(days-719468) * 86400 // from March of the year 0 to 1970
}
