package logline

import (
	"bytes"
	"time"
)

// Stamp is the time of a line: where it is, what it says, and how it is written. The zero value
// stands for a line without a readable time.
type Stamp struct {
	// begin and end are its text in the line: with its brackets, or the value of a JSON member
	// without its quotes.
	begin, end int
	second     int64 // since 1970; as if in UTC if there is no offset
	notation   notation
	json       bool
}

// Found reports whether the line has a readable time.
func (s *Stamp) Found() bool { return s.end > 0 }

// Unix returns the time in seconds since 1970. A time without an offset is in zone.
func (s *Stamp) Unix(zone *time.Location) int64 {
	if s.notation.zone != zoneNone || s.notation.date == dateEpoch {
		return s.second
	}
	t := time.Unix(s.second, 0).UTC()
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, zone).Unix()
}

// FindTime finds the time of a line: of its first line, if it has several. A time counts only in
// the place that a format has for it. Requests, user agents and other texts of clients are no such
// place.
func FindTime(line []byte) Stamp {
	var t Times
	return t.Find(line)
}

// Times finds the times of lines, one line after another. It remembers the last one that it read, because most lines
// of a busy log have the time of the line before.
type Times struct {
	text     [layoutCommon]byte
	second   int64
	notation notation
	known    bool
}

// Find is [FindTime].
func (t *Times) Find(line []byte) (s Stamp) {
	if i := bytes.IndexByte(line, '\n'); i >= 0 {
		line = line[:i]
	}
	if len(line) == 0 || line[0] == '{' {
		s.findJSON(line)
		return s
	}
	quote := firstQuote(line)
	begin, end, placed := timeBracket(line, quote)
	if placed {
		text := line[begin+1 : end-1]
		if t.known && string(text) == string(t.text[:]) {
			return Stamp{begin: begin, end: end, second: t.second, notation: t.notation}
		}
		second, n, ok := parseTime(text)
		if ok && len(text) == len(t.text) {
			copy(t.text[:], text)
			t.second, t.notation, t.known = second, n, true
		}
		if !ok {
			second, n, ok = parseEpoch(text)
		}
		if ok {
			return Stamp{begin: begin, end: end, second: second, notation: n}
		}
	}
	if at := jsonAt(line); at > 0 {
		if s.findJSON(line[at:]); s.Found() {
			s.begin += at
			s.end += at
		}
		return s
	}
	if s, _ = headTime(line, quote); placed && s.begin > 0 {
		return Stamp{} // the place of the time has something else, and this may be a user
	}
	return s
}

// firstQuote returns where the first quote is, or -1. Quotes of clients do not count: servers write
// a backslash in front of them, or an escape in their place.
func firstQuote(line []byte) int {
	for from := 0; ; {
		i := bytes.IndexByte(line[from:], '"')
		if i < 0 {
			return -1
		}
		if i += from; i == 0 || line[i-1] != '\\' {
			return i
		}
		from = i + 1
	}
}

// timeBracket returns the brackets that are where access logs have the time: in front of the
// request, which begins with the first quote. Whatever brackets a user has in its name, it cannot
// have a quote.
func timeBracket(line []byte, quote int) (begin, end int, ok bool) {
	if quote < 3 || line[quote-1] != ' ' || line[quote-2] != ']' {
		return 0, 0, false
	}
	end = quote - 1
	if begin = end - layoutCommon - 2; begin < 0 || line[begin] != '[' || line[begin+3] != '/' || line[begin+21] != ' ' {
		begin = bytes.LastIndexByte(line[:end], '[')
	}
	return begin, end, begin == 0 || begin > 0 && line[begin-1] == ' '
}

// maxHead is how many words may be in front of a time: a syslog header, a virtual host and a
// client.
const maxHead = 9

// headTime finds the time of text that has no request in quotes behind it, such as that of HAProxy:
// the first time in brackets, in front of any quote and any word with a slash, which may be a
// request. words is how many words are in front of it.
//
// If the ident is "-", a user is in front of the time. Then the last time in front of the request
// counts.
func headTime(line []byte, quote int) (s Stamp, words int) {
	head := line
	if quote >= 0 {
		head = line[:quote]
	}
	user := false // this may be one, or part of one
	for i, n := 0, 0; i < len(head); n++ {
		if head[i] == '[' {
			end := i + bytes.IndexByte(head[i:], ']') + 1
			if end > i {
				if second, form, ok := parseTime(head[i+1 : end-1]); ok {
					s, words = Stamp{begin: i, end: end, second: second, notation: form}, n
					if !user || quote < 0 {
						return s, words
					}
				}
			}
		}
		length := bytes.IndexByte(head[i:], ' ')
		if length < 0 {
			length = len(head) - i
		}
		word := head[i : i+length]
		user = user || string(word) == "-" && (n == 1 || n == 2)
		if !user && (n >= maxHead || bytes.IndexByte(word, '/') >= 0) {
			return s, words
		}
		i += length + 1
	}
	return s, words
}

// findJSON finds the first member of a JSON object that has a usual key for the time, and a time.
func (s *Stamp) findJSON(text []byte) {
	scan := scanner{text: text, at: 1}
	for len(text) > 0 {
		m, more := scan.next(true)
		if !more {
			return
		}
		switch {
		case m.kind >= valueObject:
			scan.skip()
		case isTimeKey(m.key) && s.jsonTime(&m):
			return
		}
	}
}

// isTimeKey reports whether a member with the key has the time of a line.
func isTimeKey(key []byte) bool {
	switch string(key) {
	case "ts", "time", "timestamp", "@timestamp", // Caddy, most libraries for logs, Logstash
		"Time", "Timestamp", "@t", "datetime", "timeMillis", "asctime",
		"time_local", "time_iso8601", "msec", // the variables of nginx
		"StartUTC", "StartLocal", // Traefik
		"start_time": // Envoy
		return true
	}
	return false
}

// jsonTime reads the value of a member as a time, in brackets or not.
func (s *Stamp) jsonTime(m *member) bool {
	text, at := m.value, m.at
	if len(text) > 2 && text[0] == '[' && text[len(text)-1] == ']' {
		text, at = text[1:len(text)-1], at+1
	}
	second, n, ok := parseEpoch(text)
	if !ok && m.kind == valueText {
		second, n, ok = parseTime(text)
	}
	if ok {
		*s = Stamp{begin: at, end: at + len(text), second: second, notation: n, json: true}
	}
	return ok
}
