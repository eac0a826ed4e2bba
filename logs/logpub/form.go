package logpub

import (
	"bytes"
	"fmt"
	"strings"
)

// VhostWord says what becomes of the first word of a line, where that is the name of a virtual host. A line
// of one word is left as it is.
type VhostWord uint8

// The values of [VhostWord].
const (
	// VhostKeep leaves it.
	VhostKeep VhostWord = iota
	// VhostClean writes it in lower case and without a port, as mod_log_spread did for $#vhost (mod_log_spread §1.2):
	// a subscriber that names files by it has one for each host.
	VhostClean
	// VhostStrip leaves it out: groups by virtual host need it no longer.
	VhostStrip
	numVhostWords
)

// String returns the word that ParseVhostWord takes.
func (w VhostWord) String() string {
	switch w {
	case VhostKeep:
		return "keep"
	case VhostClean:
		return "clean"
	case VhostStrip:
		return "strip"
	case numVhostWords:
	}
	return fmt.Sprintf("VhostWord(%d)", uint8(w))
}

// ParseVhostWord reads what to do with a virtual host: keep, clean or strip.
func ParseVhostWord(s string) (VhostWord, error) {
	for w := range numVhostWords {
		if w.String() == s {
			return w, nil
		}
	}
	return 0, fmt.Errorf("vhost-word %q: want keep, clean or strip", s)
}

// maxVhost is the longest name that the domain name system has.
const maxVhost = 253

// form says how lines are changed before they are sent. The route sees them with their virtual host.
type form struct {
	vhost string // goes in front of each line, with a space; empty for nothing
	word  VhostWord
}

// changes tells whether there is something to do.
func (f *form) changes() bool { return f.vhost != "" || f.word != VhostKeep }

// check finds what cannot be in front of a line.
func (f *form) check() error {
	switch {
	case f.word >= numVhostWords:
		return fmt.Errorf("%v: want VhostKeep, VhostClean or VhostStrip", f.word)
	case len(f.vhost) > maxVhost || strings.ContainsFunc(f.vhost, func(c rune) bool { return c <= ' ' || c == 0x7f }):
		return fmt.Errorf("virtual host %q: want at most %d bytes without spaces", f.vhost, maxVhost)
	}
	return nil
}

// named appends a line with the virtual host in front.
func (f *form) named(b, line []byte) []byte {
	if f.vhost != "" {
		b = append(b, f.vhost...)
		b = append(b, ' ')
	}
	return append(b, line...)
}

// cut changes the first word of a line in place, and returns what is left of it.
func (f *form) cut(line []byte) []byte {
	i := bytes.IndexByte(line, ' ')
	if i <= 0 || f.word == VhostKeep {
		return line
	}
	if f.word == VhostStrip {
		return line[i+1:]
	}
	name := withoutPort(line[:i])
	if len(name) == 0 {
		return line
	}
	line = line[i-len(name):]
	copy(line, name)
	lower(line[:len(name)])
	return line
}

// formed are lines as they are sent, of one target.
type formed struct {
	to    *destination
	text  []byte
	sizes []int  // of each as it was read, and as it is sent, in turns
	line  []byte // that is being changed
}

// putFormed is put for lines that are changed.
func (in *Intake) putFormed(lines []byte) (took int) {
	f := &in.formed
	for len(lines) > 0 {
		n := bytes.IndexByte(lines, '\n') + 1
		f.line = in.form.named(f.line[:0], lines[:n])
		to := in.to
		if in.router != nil {
			to = in.router.find(f.line)
		}
		line := in.form.cut(f.line)
		if len(line) > in.maxLine {
			line = append(line[:in.maxLine-1], '\n')
			in.took(0, 0, 1)
		}
		if to != f.to && len(f.sizes) > 0 {
			n, ok := in.enqueueFormed()
			took += n
			if !ok {
				return took
			}
		}
		f.to = to
		f.text = append(f.text, line...)
		f.sizes = append(f.sizes, n, len(line))
		lines = lines[n:]
	}
	n, _ := in.enqueueFormed()
	return took + n
}

// enqueueFormed enqueues what putFormed has collected. It returns how many bytes, as they were read, are taken
// or dropped, and whether these are all.
func (in *Intake) enqueueFormed() (took int, ok bool) {
	f := &in.formed
	left := in.enqueue(f.text, len(f.sizes)/2, f.to)
	sent := len(f.text) - left
	more := 0 // bytes than were read
	for i := 0; i < len(f.sizes) && sent >= f.sizes[i+1]; i += 2 {
		took += f.sizes[i]
		sent -= f.sizes[i+1]
		more += f.sizes[i+1] - f.sizes[i]
	}
	in.took(0, more, 0)
	f.text, f.sizes = f.text[:0], f.sizes[:0]
	return took, left == 0
}
