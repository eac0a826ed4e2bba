package syslog

import (
	"bytes"
	"cmp"
	"io"
)

// Faults count what was wrong with the framing of streams.
type Faults struct {
	WrongLength int64 // lengths that did not fit their messages
	CutShort    int64 // messages that the end of a stream cut short
	Mixed       int64 // changes between octet counting and newlines within a stream
	Skipped     int64 // bytes of no message, dropped to find the next one
}

// Add adds the counts of o.
func (f *Faults) Add(o *Faults) {
	f.WrongLength += o.WrongLength
	f.CutShort += o.CutShort
	f.Mixed += o.Mixed
	f.Skipped += o.Skipped
}

// String says what is wrong, the worst first.
func (f *Faults) String() string {
	switch {
	case f.WrongLength > 0:
		return "the length does not fit the message"
	case f.CutShort > 0:
		return "the connection ended within a message"
	default:
		return "messages with a length and messages with a newline on one connection"
	}
}

const (
	// longestCount is how much longer than the longest message, as a factor, one with a length may be.
	// A larger length is taken to be wrong.
	longestCount = 4
	// shortestCount is the length of "<0>".
	shortestCount = 3
	// readSize is how much is read at a time.
	readSize = 64 << 10
	// longestHead is more than a length, a space and a priority can have.
	longestHead = maxDigits + 6
	maxDigits   = 20
	maxCount    = 100_000_000 // larger ones count as this
)

// framing is how the end of a message is found.
type framing uint8

const (
	unknown   framing = iota
	byCount           // a length stands in front
	byNewline         // a newline or NUL follows
)

// framer reads the messages of a stream. Each message says by its first bytes how it is framed. Where a
// length does not fit, the framer looks for the next message in what it has read.
type framer struct {
	r      io.Reader
	max    int
	faults Faults

	buf   []byte // what was read
	pos   int    // how much of it is taken
	err   error  // why there is no more
	last  framing
	apart bool // a newline or NUL stands between the last message and the next
	mixed bool // there were messages with a length
	skip  int  // bytes of the last message that are dropped
	line  bool // the last message is dropped up to a newline
	like  bool // the last message ends with what may be the length of the next
}

func newFramer(r io.Reader, most int) *framer { return &framer{r: r, max: most} }

// peek returns what was read and not taken: n bytes at least, unless the stream ends before.
func (f *framer) peek(n int) []byte {
	for len(f.buf)-f.pos < n && f.err == nil {
		if f.pos > 0 {
			f.buf = append(f.buf[:0], f.buf[f.pos:]...)
			f.pos = 0
		}
		if len(f.buf) == cap(f.buf) {
			f.buf = append(make([]byte, 0, max(readSize, 2*cap(f.buf))), f.buf...)
		}
		k, err := f.r.Read(f.buf[len(f.buf):cap(f.buf)])
		f.buf, f.err = f.buf[:len(f.buf)+k], err
	}
	return f.buf[f.pos:]
}

// next returns the next message and whether it was cut. The message is valid until the next call. The
// error at the end is that of the reader. An unfinished message at the end counts as a message.
func (f *framer) next() (message []byte, cut bool, err error) {
	for {
		f.drop()
		b := f.peek(1)
		if len(b) == 0 {
			return nil, false, f.err
		}
		if isEnd(b[0]) || b[0] == '\r' {
			f.pos++
			f.apart = true
			continue
		}
		h, _ := f.head()
		switch {
		case h.kind == byCount:
			message, cut = f.counted(h)
		case h.kind == unknown && f.last == byCount && !f.apart:
			f.faults.WrongLength++
			f.resync()
			continue
		default:
			if f.like && !f.apart {
				f.faults.WrongLength++
				f.last = byNewline
			}
			f.like = false
			f.change(byNewline)
			message, cut = f.untilEnd()
		}
		f.apart = false
		if len(message) > 0 {
			return message, cut, nil
		}
	}
}

func isEnd(c byte) bool { return c == '\n' || c == 0 }

// drop drops the rest of a message that was too long.
func (f *framer) drop() {
	for f.skip > 0 {
		b := f.peek(min(f.skip, 2*longestHead))
		n := min(f.skip, len(b))
		if k := f.findHead(b[:n], 0); k >= 0 { // nothing that long has another message in it
			f.faults.WrongLength++
			f.pos, f.skip = f.pos+k, 0
			return
		}
		if n < f.skip && n > longestHead {
			n -= longestHead // a head may begin there
		} else if n < f.skip {
			f.faults.CutShort++
			f.skip = n
		}
		f.pos += n
		f.skip -= n
	}
	if f.line {
		f.dropLine()
	}
}

// dropLine drops the rest of a line, or what is in front of the next message if lengths were seen
// before: messages with a length have no newline behind them.
func (f *framer) dropLine() {
	for kept := 0; f.line; {
		b := f.peek(kept + 1)
		if len(b) <= kept { // the stream ends
			f.pos, f.line = f.pos+len(b), false
			return
		}
		n := bytes.IndexAny(b, "\n\x00")
		if f.mixed {
			if k := f.findHead(b[:cmp.Or(n+1, len(b))], 0); k >= 0 {
				f.faults.Mixed++
				n = k
			}
			kept = min(len(b), longestHead) // a head may begin there
		}
		if f.line = n < 0; f.line {
			n = len(b) - kept
		}
		f.pos += n
	}
}

// change notes how a message is framed.
func (f *framer) change(to framing) {
	if f.last != unknown && f.last != to {
		f.faults.Mixed++
	}
	f.last = to
	f.mixed = f.mixed || to == byCount
}

// head is the beginning of a message.
type head struct {
	kind  framing // unknown if it has no priority
	count int     // the length that it says it has
	text  int     // where the message begins
}

// fits reports whether the length can be right.
func (h *head) fits(most int) bool { return h.count >= shortestCount && h.count <= longestCount*most }

// head returns the head of the next message, waiting for as much of it as is needed.
func (f *framer) head() (h head, whole bool) {
	for n := 1; ; n++ {
		b := f.peek(n)
		if h, whole = parseHead(b); whole || len(b) < n {
			return h, whole
		}
		n = max(n, len(b))
	}
}

// parseHead reads a head. It is not whole if further bytes can change it.
func parseHead(b []byte) (h head, whole bool) {
	i := 0
	for i < len(b) && i < maxDigits && b[i] >= '0' && b[i] <= '9' {
		h.count = min(h.count*10+int(b[i]-'0'), maxCount)
		i++
	}
	digits := i
	if i > 0 && i < len(b) && b[i] == ' ' {
		i++
	}
	if i == len(b) {
		return head{}, false
	}
	if _, _, ok := priority(b[i:]); !ok {
		// "<19" may become one.
		rest := b[i:]
		for k, c := range rest {
			if k == 0 && c != '<' || k > 0 && (c < '0' || c > '9') || k > 3 {
				return head{}, true
			}
		}
		return head{}, false
	}
	if digits == 0 {
		return head{kind: byNewline}, true
	}
	h.kind, h.text = byCount, i
	return h, true
}

// verdict is how likely the length in front of a message is right, by what follows the message.
type verdict uint8

const (
	wrong  verdict = iota // no message can begin there
	open                  // that was not received
	likely                // one can begin there, or nothing was received behind it
	sure                  // another length and priority
)

// judge judges the length that a message at the beginning of b has.
func (f *framer) judge(b []byte) verdict {
	h, _ := parseHead(b)
	end := h.text + h.count
	switch {
	case h.kind != byCount || !h.fits(f.max):
		return wrong
	case end > len(b):
		return open
	case !f.plausible(b[end:]):
		return wrong
	}
	if next, _ := parseHead(b[end:]); next.kind == byCount {
		return sure
	}
	return likely
}

// split returns where in a run of digits, which ends in front of a priority, its length begins: the
// digits in front may be the end of another message. It is the shortest length that fits, otherwise the
// one that comes closest to the next priority, or the shortest beyond what was received without one.
func (f *framer) split(b []byte, from, end int) int {
	next := findPriority(b, end+2)
	at, nearest := from, maxCount
	for k := end - 1; k >= from; k-- {
		v := f.judge(b[k:])
		if v >= likely || v == open && next < 0 {
			return k
		}
		h, _ := parseHead(b[k:])
		ends := k + h.text + h.count
		if away := max(ends-next, next-ends); next >= 0 && h.fits(f.max) && away < nearest {
			at, nearest = k, away
		}
	}
	return at
}

// findPriority returns where in b, from an index on, there is a priority, or -1.
func findPriority(b []byte, from int) int {
	for at := from; ; at++ {
		i := bytes.IndexByte(b[min(at, len(b)):], '<')
		if i < 0 {
			return -1
		}
		at += i
		if _, _, ok := priority(b[at:]); ok {
			return at
		}
	}
}

// findHead returns where in b, from an index on, a message begins: at a length and a priority, or at a
// priority behind a newline. It is -1 without one.
func (f *framer) findHead(b []byte, from int) int {
	for at := from; ; at++ {
		if at = findPriority(b, at); at < 0 {
			return -1
		}
		k := at
		if k > from && b[k-1] == ' ' {
			k--
		}
		end := k
		for k > from && end-k < maxDigits && b[k-1] >= '0' && b[k-1] <= '9' {
			k--
		}
		if k < end {
			return f.split(b, k, end)
		}
		if at > from && isEnd(b[at-1]) {
			return at
		}
	}
}

// counted returns a message with a length.
func (f *framer) counted(h head) (message []byte, cut bool) {
	if !h.fits(f.max) {
		f.faults.WrongLength++
		f.lose(h.text)
		f.last, f.mixed = byNewline, true
		return f.untilEnd()
	}
	n := h.text + min(h.count, f.max)
	b, ok := f.await(n)
	if !ok {
		return nil, false
	}
	f.change(byCount)
	switch {
	case len(b) < n:
		if n = f.findHead(b, h.text+1); n < 0 {
			n = len(b)
			f.faults.CutShort++
		} else {
			f.faults.WrongLength++
		}
	case h.count > f.max:
		f.skip, cut = h.count-f.max, true
	default:
		if k := f.fit(b, h.text, n); k != n {
			f.faults.WrongLength++
			n = k
		}
	}
	f.pos += n
	f.like = n >= 2 && b[n-1] == ' ' && b[n-2] >= '0' && b[n-2] <= '9'
	return trimEnd(b[h.text:n]), cut
}

// await is peek for a message with a length. It is not ok if the first digits of the length turn out to
// belong to the message before. These are dropped.
func (f *framer) await(n int) (b []byte, ok bool) {
	behind := f.last == byCount && !f.apart
	for b = f.peek(1); len(b) < n && f.err == nil; b = f.peek(len(b) + 1) {
		if !behind {
			continue
		}
		if k := f.findHead(b, 0); k > 0 && f.judge(b[k:]) == sure {
			f.faults.WrongLength++
			f.lose(k)
			return nil, false
		}
	}
	return b, true
}

// plausible reports whether a message may begin with what follows another one, as far as that was read.
func (f *framer) plausible(b []byte) bool {
	if len(b) == 0 || isEnd(b[0]) || b[0] == '\r' {
		return true
	}
	h, whole := parseHead(b)
	return !whole || h.kind == byNewline || h.kind == byCount && h.fits(f.max)
}

// fit returns where a message ends whose length says n: there if that can be. Otherwise it ends in front
// of the next message, or at a newline behind n, or at n if neither was read.
func (f *framer) fit(b []byte, text, n int) int {
	if f.plausible(b[n:]) && !f.misread(b, text, n) {
		return n
	}
	next := f.findHead(b, text+1)
	if next >= 0 && next <= n {
		return next
	}
	end := bytes.IndexAny(b[n:], "\n\x00")
	if end += n; end >= n && (next < 0 || end < next) {
		next = end
	}
	if next < 0 || next-text > f.max {
		return n
	}
	return next
}

// misread reports whether the length of the message behind n begins at another digit than at n.
func (f *framer) misread(b []byte, text, n int) bool {
	at := f.judge(b[n:])
	if at >= likely || n == len(b) {
		return false
	}
	k := f.findHead(b, max(text+1, n-longestHead))
	if k < 0 || k == n {
		return false
	}
	h, _ := parseHead(b[n:])
	h2, _ := parseHead(b[k:])
	other := f.judge(b[k:])
	return k+h2.text == n+h.text && (other == sure || other != open && at == wrong)
}

// untilEnd returns a message that a newline ends, or the next message if lengths were seen before.
func (f *framer) untilEnd() (message []byte, cut bool) {
	from := 0
	for {
		b := f.peek(from + 1)
		n := bytes.IndexAny(b[from:], "\n\x00")
		if n += from; n < from {
			n = len(b)
		}
		whole := n < len(b) || len(b) <= from
		if n > f.max {
			n, cut = f.max, true
		}
		if f.mixed {
			if k := f.findHead(b[:n], 1); k >= 0 {
				f.faults.Mixed++
				n, whole, cut = k, true, false
			}
		}
		if whole || cut {
			f.pos += n
			f.line = cut
			return trimEnd(b[:n]), cut
		}
		from = len(b)
	}
}

// resync drops what belongs to no message.
func (f *framer) resync() {
	f.apart = true
	for {
		b := f.peek(1)
		n := f.findHead(b, 0)
		if end := bytes.IndexAny(b, "\n\x00"); end >= 0 && (n < 0 || end < n) {
			n = end
		}
		if n >= 0 {
			f.lose(n)
			return
		}
		f.lose(max(0, len(b)-longestHead)) // a head may begin in the rest
		rest := len(f.buf) - f.pos
		if len(f.peek(rest+1)) == rest {
			f.lose(rest)
			return
		}
	}
}

// lose drops bytes of no message.
func (f *framer) lose(n int) {
	f.faults.Skipped += int64(n)
	f.pos += n
}

// trimEnd cuts off newlines at the end of a message.
func trimEnd(b []byte) []byte { return bytes.TrimRight(b, "\n\x00") }
