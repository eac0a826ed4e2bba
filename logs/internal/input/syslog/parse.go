package syslog

import (
	"bytes"
	"strings"
)

// Message is a parsed syslog message. Its parts point into the input. Missing ones are empty.
type Message struct {
	Pri  int // facility × 8 + severity; -1 if there is none, and then Text is all
	Time []byte
	Host []byte
	Tag  []byte // of RFC 3164 without "[pid]:", or the application's name
	Text []byte
}

const maxPri = 191

// Parse parses a message.
func Parse(b []byte) (m Message) {
	b = bytes.TrimRight(b, "\r\n\x00")
	m = Message{Pri: -1, Text: b}
	pri, rest, ok := priority(b)
	if !ok {
		return m
	}
	m.Pri = pri
	if after, ok := bytes.CutPrefix(rest, []byte("1 ")); ok && m.parse5424(after) {
		return m
	}
	m.parse3164(rest)
	return m
}

// priority reads "<PRI>".
func priority(b []byte) (pri int, rest []byte, ok bool) {
	if len(b) < 3 || b[0] != '<' {
		return 0, nil, false
	}
	for i, c := range b[1:min(len(b), 5)] {
		switch {
		case c == '>' && i > 0:
			return pri, b[i+2:], pri <= maxPri
		case c < '0' || c > '9':
			return 0, nil, false
		}
		pri = pri*10 + int(c-'0')
	}
	return 0, nil, false
}

// word cuts off the text before a space.
func word(b []byte) (w, rest []byte) {
	w, rest, _ = bytes.Cut(b, []byte{' '})
	return w, rest
}

// unlessNil returns nil for "-".
func unlessNil(b []byte) []byte {
	if string(b) == "-" {
		return nil
	}
	return b
}

// parse5424 reads what follows the version.
func (m *Message) parse5424(b []byte) bool {
	var stamp, host, app []byte
	stamp, b = word(b)
	host, b = word(b)
	app, b = word(b)
	_, b = word(b) // process
	_, b = word(b) // kind of message
	b, ok := skipData(b)
	if !ok {
		return false
	}
	m.Time, m.Host, m.Tag = unlessNil(stamp), unlessNil(host), unlessNil(app)
	b = bytes.TrimPrefix(b, []byte{' '})
	m.Text = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	return true
}

// skipData skips structured data: "-", or elements in brackets with values in quotes.
func skipData(b []byte) (rest []byte, ok bool) {
	if len(b) > 0 && b[0] == '-' {
		return b[1:], len(b) == 1 || b[1] == ' '
	}
	elements := false
	for len(b) > 0 && b[0] == '[' {
		quoted, i := false, 1
		for ; i < len(b) && (quoted || b[i] != ']'); i++ {
			switch {
			case b[i] == '\\' && quoted:
				i++
			case b[i] == '"':
				quoted = !quoted
			}
		}
		if i >= len(b) {
			return nil, false
		}
		b, elements = b[i+1:], true
	}
	return b, elements && (len(b) == 0 || b[0] == ' ')
}

// parse3164 reads what follows the priority: a time, perhaps a host, a tag, text. Without a known form of time everything is text.
func (m *Message) parse3164(b []byte) {
	m.Text = b
	n := stampLen(b)
	if n == 0 {
		return
	}
	m.Time, b = b[:n], b[n+1:]
	first, rest := word(b)
	if tag, ok := tagOf(first); ok {
		m.Tag, m.Text = tag, rest // no host
		return
	}
	m.Host, m.Text = first, rest
	second, rest := word(rest)
	if tag, ok := tagOf(second); ok {
		m.Tag, m.Text = tag, rest
	}
}

// stampLen returns the length of the time at the start of b, which a space must follow: "Nov  1 10:00:00" or, as some relays
// write it, RFC 3339.
func stampLen(b []byte) int {
	const form = "Mmm dd hh:mm:ss"
	if len(b) > len(form) && b[len(form)] == ' ' && b[3] == ' ' && b[6] == ' ' && b[9] == ':' && b[12] == ':' &&
		strings.Contains("JanFebMarAprMayJunJulAugSepOctNovDec", string(b[:3])) {
		return len(form)
	}
	if i := bytes.IndexByte(b, ' '); i >= len("2006-01-02T15:04:05") && i < 40 && b[4] == '-' && b[7] == '-' && b[10] == 'T' {
		return i
	}
	return 0
}

// tagOf returns the tag in "tag:" or "tag[pid]:".
func tagOf(w []byte) ([]byte, bool) {
	w, ok := bytes.CutSuffix(w, []byte{':'})
	if !ok || len(w) == 0 {
		return nil, false
	}
	if i := bytes.IndexByte(w, '['); i > 0 && w[len(w)-1] == ']' {
		w = w[:i]
	}
	return w, true
}

// AppendLine appends text as one line.
func AppendLine(b, text []byte) []byte {
	began := len(b)
	b = append(b, text...)
	for i, c := range b[began:] {
		if c == '\n' || c == 0 {
			b[began+i] = ' '
		}
	}
	return append(b, '\n')
}
