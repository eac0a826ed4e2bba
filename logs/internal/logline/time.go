package logline

import "bytes"

// Time returns the time behind the first bracket of a line, in seconds since 1970:
// [10/Oct/2000:13:55:36 -0700], or [2000-10-10T13:55:36-07:00] with or without a fraction.
func Time(line []byte) (second int64, ok bool) {
	_, b, ok := bytes.Cut(line, []byte{'['})
	if !ok {
		return 0, false
	}
	if len(b) >= len("02/Jan/2006:15:04:05 -0700") && b[2] == '/' {
		return commonLogTime(b)
	}
	if len(b) >= len("2006-01-02T15:04:05Z") && b[4] == '-' {
		return isoTime(b)
	}
	return 0, false
}

func commonLogTime(b []byte) (int64, bool) {
	month := 0
	const months = "JanFebMarAprMayJunJulAugSepOctNovDec"
	for m := range 12 {
		if string(b[3:6]) == months[3*m:3*m+3] {
			month = m + 1
		}
	}
	if month == 0 || b[6] != '/' || b[11] != ':' || b[20] != ' ' {
		return 0, false
	}
	year, ok1 := decimal(b[7:11])
	day, ok2 := decimal(b[:2])
	clock, ok3 := timeOfDay(b[12:20])
	offset, ok4 := zoneOffset(b[21:26])
	return midnight(year, month, day) + clock - offset, ok1 && ok2 && ok3 && ok4 && day >= 1 && day <= 31
}

func isoTime(b []byte) (int64, bool) {
	year, ok1 := decimal(b[:4])
	month, ok2 := decimal(b[5:7])
	day, ok3 := decimal(b[8:10])
	clock, ok4 := timeOfDay(b[11:19])
	if !ok1 || !ok2 || !ok3 || !ok4 || b[7] != '-' || month < 1 || month > 12 || day < 1 || day > 31 {
		return 0, false
	}
	b = b[19:]
	if b[0] == '.' || b[0] == ',' {
		n := 1
		for n < len(b) && b[n] >= '0' && b[n] <= '9' {
			n++
		}
		b = b[n:]
	}
	offset, ok := isoOffset(b)
	return midnight(year, month, day) + clock - offset, ok
}

// isoOffset reads Z, -07:00 or -0700.
func isoOffset(b []byte) (int64, bool) {
	switch {
	case len(b) > 0 && b[0] == 'Z':
		return 0, true
	case len(b) >= 6 && b[3] == ':':
		return zoneOffset([]byte{b[0], b[1], b[2], b[4], b[5]})
	case len(b) >= 5:
		return zoneOffset(b[:5])
	default:
		return 0, false
	}
}

// timeOfDay reads 15:04:05.
func timeOfDay(b []byte) (int64, bool) {
	h, ok1 := decimal(b[:2])
	m, ok2 := decimal(b[3:5])
	s, ok3 := decimal(b[6:8])
	return int64(h*3600 + m*60 + s), ok1 && ok2 && ok3 && b[2] == ':' && b[5] == ':' && h < 24 && m < 60 && s <= 60
}

// zoneOffset reads -0700.
func zoneOffset(b []byte) (int64, bool) {
	h, ok1 := decimal(b[1:3])
	m, ok2 := decimal(b[3:5])
	n := int64(h*3600 + m*60)
	if b[0] == '-' {
		n = -n
	}
	return n, ok1 && ok2 && (b[0] == '+' || b[0] == '-')
}

func decimal(b []byte) (n int, ok bool) {
	for _, c := range b {
		if c < '0' || c > '9' {
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
