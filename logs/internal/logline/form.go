package logline

import (
	"bytes"
	"fmt"
	"strings"
)

// VHostWord says what happens to the first word of a line, where that is the name of a virtual host. A line of one
// word stays as it is.
type VHostWord uint8

// The values of [VHostWord].
const (
	// VHostKeep leaves it.
	VHostKeep VHostWord = iota
	// VHostClean writes it in lower case and without a port, as mod_log_spread did for $#vhost (mod_log_spread §1.2).
	// A subscriber that names files by it then has one file for each host.
	VHostClean
	// VHostStrip removes it, for lines whose group names the virtual host.
	VHostStrip
	numVHostWords
)

// String returns the word that ParseVHostWord takes.
func (w VHostWord) String() string {
	switch w {
	case VHostKeep:
		return "keep"
	case VHostClean:
		return "clean"
	case VHostStrip:
		return "strip"
	case numVHostWords:
	}
	return fmt.Sprintf("VHostWord(%d)", uint8(w))
}

// ParseVHostWord parses keep, clean or strip.
func ParseVHostWord(s string) (VHostWord, error) {
	for w := range numVHostWords {
		if w.String() == s {
			return w, nil
		}
	}
	return 0, fmt.Errorf("unknown vhost-word %q (want keep, clean or strip)", s)
}

// maxVHost is the longest name in the domain name system.
const maxVHost = 253

// Form says how to change lines before they are sent.
type Form struct {
	VHost string    // put in front of each line, with a space; empty for nothing
	Word  VHostWord // what to do with the first word then
}

// Changes reports whether the form changes lines at all.
func (f *Form) Changes() bool { return f.VHost != "" || f.Word != VHostKeep }

// Check returns an error if the form is not valid.
func (f *Form) Check() error {
	switch {
	case f.Word >= numVHostWords:
		return fmt.Errorf("unknown %v (want VHostKeep, VHostClean or VHostStrip)", f.Word)
	case len(f.VHost) > maxVHost || strings.ContainsFunc(f.VHost, func(c rune) bool { return c <= ' ' || c == 0x7f }):
		return fmt.Errorf("invalid virtual host %q: want at most %d bytes without spaces", f.VHost, maxVHost)
	}
	return nil
}

// AppendNamed appends a line with the virtual host in front.
func (f *Form) AppendNamed(b, line []byte) []byte {
	if f.VHost != "" {
		b = append(b, f.VHost...)
		b = append(b, ' ')
	}
	return append(b, line...)
}

// Cut changes the first word of a line in place, and returns what is left of the line.
func (f *Form) Cut(line []byte) []byte {
	i := bytes.IndexByte(line, ' ')
	if i <= 0 || f.Word == VHostKeep {
		return line
	}
	if f.Word == VHostStrip {
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
