package logline

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"

	"github.com/spreadd/spreadd/internal/conf"
)

//go:generate go tool -modfile=../../../.ci/tools/go.mod stringer -type=VHostWord -linecomment

// VHostWord says what happens to the first word of a line, which may be the name of a virtual host.
type VHostWord uint8

// The values of [VHostWord].
const (
	// VHostAuto is the default. logpub keeps the word. logsub strips it if the path of the file, or
	// a column of the table, depends on the virtual host; otherwise the word is no virtual host to
	// it.
	VHostAuto VHostWord = iota // auto
	// VHostNone means that the first word is not a virtual host.
	VHostNone // none
	// VHostKeep keeps the virtual host as it is.
	VHostKeep // keep
	// VHostClean writes it in lower case and without a port, as mod_log_spread did for $#vhost
	// (mod_log_spread §1.2). Files named by it then exist once for each host.
	VHostClean // clean
	// VHostStrip removes it.
	VHostStrip // strip
	numVHostWords
)

// Valid reports whether there is such a value.
func (w VHostWord) Valid() bool { return w < numVHostWords }

// ParseVHostWord parses auto, none, keep, clean or strip.
func ParseVHostWord(s string) (VHostWord, error) {
	return conf.ParseEnum("vhost-word", s, numVHostWords)
}

// Cut changes the first word of a line as w says, in place, and returns what is left of the line. A
// line of one word stays as it is.
func (w VHostWord) Cut(line []byte) []byte {
	i := bytes.IndexByte(line, ' ')
	if i <= 0 || w != VHostStrip && w != VHostClean {
		return line
	}
	if w == VHostStrip {
		return line[i+1:]
	}
	name := AppendVHost(line[:0], line[:i])
	if len(name) == 0 {
		return line
	}
	line = line[i-len(name):]
	copy(line, name)
	return line
}

// maxVHost is the length of the longest name in the domain name system.
const maxVHost = 253

// CheckVHost checks that a text can be put in front of lines as the name of a virtual host.
func CheckVHost(name string) error {
	if len(name) > maxVHost || strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c == 0x7f }) {
		return fmt.Errorf("invalid virtual host %q: want at most %d bytes without spaces", name, maxVHost)
	}
	return nil
}

// FirstWord splits a message behind its first word, if its first line has more than one. Otherwise
// rest is the message.
func FirstWord(message []byte) (word, rest []byte) {
	i := bytes.IndexByte(message, ' ')
	if i <= 0 || bytes.IndexByte(message[:i], '\n') >= 0 {
		return nil, message
	}
	return message[:i], message[i+1:]
}

// CutVHost cuts the virtual host off an access log line that has one in front, as Debian's
// vhost_combined ("%v:%p %h %l %u %t ...") and mod_log_spread's lines for VhostDir have it. If
// there is none, ok is false and rest is the line.
//
// The first word is a virtual host if at least three more stand in front of the time, and the
// second one is not "-". So a user with spaces is recognized as long as the ident is "-", as it is
// wherever nobody asks identd. It is one too if JSON, or the client and time of HAProxy, follow it.
// Lines with one word in front of the time, and lines without a time, have no virtual host.
func CutVHost(line []byte) (vhost, rest []byte, ok bool) {
	vhost, rest, ok = word(line)
	client, after, ok2 := word(rest)
	if !ok || !ok2 && !bytes.HasPrefix(rest, []byte{'{'}) || string(client) == "-" {
		return nil, line, false
	}
	third, after, ok := word(after)
	if !ok || third[0] == '[' || third[len(third)-1] == ':' || len(after) == 0 || after[0] == '[' || client[0] == '{' || startsHeader(vhost) {
		switch otherFormat(line) {
		case -1:
		case len(vhost) + 1:
			return vhost, rest, true
		default:
			return nil, line, false
		}
	}
	// The third word is the ident, and after it a user must be in front of the time.
	at := len(line) - len(after)
	begin, _, placed := timeBracket(line, firstQuote(line))
	if !placed || begin == 0 {
		if !mayBeHost(vhost, rest) {
			return nil, line, false
		}
		begin = bytes.Index(line, []byte(" [")) + 1
	}
	if ok = ok && begin > at; !ok {
		return nil, line, false
	}
	return vhost, rest, true
}

// startsHeader reports whether a syslog header may begin with a word.
func startsHeader(word []byte) bool { return word[0] == '<' || month(word) > 0 }

// otherFormat returns where the JSON text of a line begins, or the client in front of the time of
// HAProxy; -1 if the line has neither.
func otherFormat(line []byte) int {
	if n := jsonAt(line); n >= 0 {
		return n
	}
	if client, rest, ok := cutHAProxy(line); ok {
		return len(line) - len(rest) - 1 - len(client)
	}
	return -1
}

// SplitVHost returns the virtual host of a message, and the message without it if it is in front.
// Of JSON it is a field. An access log line has one in front if [CutVHost] says so; any other message
// has one if its first word can be the name of a host. The fields are for parsing.
func (f *Fields) SplitVHost(message []byte) (vhost, rest []byte) {
	var json, host bool
	if n := plainHost(message); n > 0 {
		vhost, rest, host = message[:n], message[n+1:], true
	} else {
		vhost, rest = FirstWord(message)
		json = len(message) > 0 && message[0] == '{'
		host = vhost != nil && mayBeHost(vhost, rest)
	}
	if !json && (vhost == nil || host && !mayBegin(vhost, rest)) {
		return vhost, rest
	}
	line, _, _ := bytes.Cut(message, []byte{'\n'})
	if _, _, ok := CutVHost(line); ok {
		return vhost, rest
	}
	switch _ = f.Parse(line); {
	case json || f.Read(ErrTime):
		return f.VHost, message
	case !host:
		return nil, message
	default:
		return vhost, rest
	}
}

// plainHost returns the length of the first word of a message if it is a name of lower-case letters, digits, dots and hyphens
// with a letter, as most names of hosts are; otherwise 0.
func plainHost(message []byte) int {
	letter := false
	for i, c := range message {
		switch {
		case c >= 'a' && c <= 'z':
			letter = true
		case c >= '0' && c <= '9', c == '.', c == '-':
		case c == ' ' && letter:
			return i
		default:
			return 0
		}
	}
	return 0
}

// mayBeHost reports whether the first word of a message can be the name of a host, with or without a
// port. Dates, times, numbers, upper-case words such as levels of logs, and words with brackets, quotes and
// the like are none.
func mayBeHost(first, rest []byte) bool {
	name := first
	if i := bytes.LastIndexByte(name, ':'); i > 0 && i+1 < len(name) && allDigits(name[i+1:]) {
		name = name[:i]
	}
	if n := len(name); n > 2 && name[0] == '[' && name[n-1] == ']' {
		return bytes.IndexByte(name, ':') > 0 // an IPv6 address
	}
	upper, other := 0, 0
	for _, c := range name {
		switch {
		case c >= 'A' && c <= 'Z':
			upper++
		case c >= 'a' && c <= 'z', c == '_', c >= 0x80:
			other++
		case strings.IndexByte(`"<>[](){}=:;,|`, c) >= 0:
			return false
		}
	}
	switch {
	case upper+other == 0: // an IPv4 address, or a number or a date
		_, err := netip.ParseAddr(string(name))
		return err == nil
	case upper == len(name) && upper >= 3:
		return false
	}
	return month(first) == 0 || len(rest) == 0 || len(bytes.TrimLeft(rest, " ")) > 0 && !isDigit(bytes.TrimLeft(rest, " ")[0])
}

// mayBegin reports whether an access log line may begin with a word: if "-" follows as the ident, a
// time behind two more words, the time of HAProxy, or if it is that of a syslog header.
func mayBegin(first, rest []byte) bool {
	second := bytes.IndexByte(rest, ' ')
	if second < 0 {
		return false
	}
	if second == 1 && rest[0] == '-' || rest[0] == '[' || startsHeader(first) {
		return true
	}
	rest = rest[second+1:]
	third := bytes.IndexByte(rest, ' ')
	return third > 0 && third+1 < len(rest) && rest[third+1] == '['
}

// AppendVHost appends the normal form of the name of a virtual host: in lower case, without its
// port and without the dot at its end. dst may be the beginning of name. Letters beyond ASCII stay,
// because some of them would become ASCII: two hosts would be one.
func AppendVHost(dst, name []byte) []byte {
	if i := bytes.LastIndexByte(name, ':'); i > 0 && i > bytes.LastIndexByte(name, ']') && allDigits(name[i+1:]) {
		name = name[:i]
	}
	for _, c := range bytes.TrimSuffix(name, []byte{'.'}) {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

func allDigits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
