package logline

import "bytes"

// FieldError is why a line is in none of the formats of access logs: the first field that is not as
// it should be.
type FieldError uint8

// The errors of [Fields.Parse].
const (
	// ErrHost: the line is empty or begins with a space, or ends with the host.
	ErrHost FieldError = iota + 1
	// ErrIdent: nothing behind the host, or nothing behind the ident.
	ErrIdent
	// ErrUser: no " [" ends the user.
	ErrUser
	// ErrTime: no "]" ends the time.
	ErrTime
	// ErrRequest: no request in quotes follows the time.
	ErrRequest
	// ErrStatus: no status of three digits, or "-", follows the request.
	ErrStatus
	// ErrBytes: no number of up to 18 digits, or "-", follows the status.
	ErrBytes
	// ErrReferrer: something in quotes follows the size, but has no end.
	ErrReferrer
	// ErrAgent: something in quotes follows the referrer, but has no end.
	ErrAgent
	// ErrJSON: the JSON text of the line has no end. The fields in front of that are read.
	ErrJSON
)

// Error implements error.
func (e FieldError) Error() string {
	const prefix = "access log line: "
	switch e {
	case ErrHost:
		return prefix + "no host at its start"
	case ErrIdent:
		return prefix + "no ident behind the host"
	case ErrUser:
		return prefix + "no user and \" [\" behind the ident"
	case ErrTime:
		return prefix + "no \"]\" behind the time"
	case ErrRequest:
		return prefix + "no request in quotes behind the time"
	case ErrStatus:
		return prefix + "no status behind the request"
	case ErrBytes:
		return prefix + "no size behind the status"
	case ErrReferrer:
		return prefix + "no quote ends the referrer"
	case ErrAgent:
		return prefix + "no quote ends the user agent"
	case ErrJSON:
		return prefix + "the JSON text has no end"
	}
	return prefix + "malformed"
}

// Fields are the fields of a line. They are valid until the next Parse, and as long as the line is:
// they point into it, or into memory of their own if they had escapes in JSON. Escapes of other
// formats, such as \", stay as they are.
type Fields struct {
	VHost []byte // of JSON only; see also [CutVHost]
	Host  []byte // of the client: a name or an address
	Ident []byte // of identd; "-" if not known
	User  []byte // authenticated; "-" if none. May have spaces and brackets in it
	Time  []byte // between the brackets, or the value in JSON

	// Request is the first line of the request, without its quotes. Method, Path and Proto are its
	// parts; they are empty if it is not made of at least a method and a path, as with "-" or
	// binary rubbish. Proto is also empty with HTTP/0.9.
	Request, Method, Path, Proto []byte

	Status  int   // 0 for "-"
	Bytes   int64 // of the response; 0 for "-"
	NoBytes bool  // the size is "-", or was not read

	// Combined means that Referrer and Agent are set, as in the Combined Log Format.
	Combined        bool
	Referrer, Agent []byte // without their quotes; "-" if not sent

	// Rest is what follows, without a leading space and the line's end.
	Rest []byte

	read uint16 // the fields that were read: a bit for the error of each
	text []byte // for what is not a part of the line
}

// Read reports whether the field whose error is e was read. A line that was cut, or whose end is
// odd, has the fields in front of that. A line without the beginning of a request in its place is no
// access log line and has none.
func (f *Fields) Read(e FieldError) bool { return f.read>>e&1 != 0 }

// Access reports whether the line is an access log line, so that it has fields.
func (f *Fields) Access() bool { return f.read != 0 }

// allRead stands for all fields in [Fields.Read].
const allRead = 1<<(ErrJSON+1) - 1

// readUpTo returns the fields in front of the one with an error.
func readUpTo(e FieldError) uint16 { return 1<<e - 1 }

// Parse takes a line of an access log apart, with or without its newline: in the Common or Combined
// Log Format, in the HTTP format of HAProxy, or in JSON. The error is a [FieldError]; then the
// fields in front of the bad one are set.
func (f *Fields) Parse(line []byte) error {
	*f = Fields{NoBytes: true, text: f.text[:0]}
	line = bytes.TrimSuffix(line, []byte{'\n'})
	line = bytes.TrimSuffix(line, []byte{'\r'})
	var bad FieldError
	if len(line) > 0 && line[0] == '{' {
		bad = f.parseJSON(line)
	} else if bad = f.parse(line); bad != 0 && bad <= ErrRequest {
		bad = f.parseOther(line, bad)
	}
	if bad != 0 {
		return bad
	}
	return nil
}

// parseOther parses a line that is not in the Common or Combined Log Format, because of an error.
func (f *Fields) parseOther(line []byte, bad FieldError) FieldError {
	if at := jsonAt(line); at > 0 {
		*f = Fields{NoBytes: true, text: f.text}
		return f.parseJSON(line[at:])
	}
	if client, rest, ok := cutHAProxy(line); ok {
		*f = Fields{NoBytes: true, text: f.text}
		return f.parseHAProxy(client, rest)
	}
	return bad
}

// parse parses a line in the Common or Combined Log Format. It returns the error of Parse, or 0.
func (f *Fields) parse(line []byte) FieldError {
	bad := f.parseFields(line)
	switch {
	case bad == 0:
		f.read = allRead
	case bad > ErrRequest:
		f.read = readUpTo(bad)
	}
	return bad
}

func (f *Fields) parseFields(all []byte) FieldError {
	begin, end, placed := timeBracket(all, firstQuote(all))
	line := all
	var ok bool
	if f.Host, line, ok = word(line); !ok {
		return ErrHost
	}
	if f.Ident, line, ok = word(line); !ok {
		return ErrIdent
	}
	// A user may have spaces and brackets in it, so the place of the time decides.
	if user := len(all) - len(line); placed && begin > user {
		f.User, f.Time, line = all[user:begin-1], all[begin+1:end-1], all[end:]
	} else {
		if f.User, line, ok = bytes.Cut(line, []byte(" [")); !ok {
			return ErrUser
		}
		if f.Time, line, ok = bytes.Cut(line, []byte{']'}); !ok {
			return ErrTime
		}
	}
	if f.Request, line, ok = quoted(line); !ok {
		if _, _, isTime := parseTime(f.Time); placed && isTime { // the line was cut in its request
			f.read = readUpTo(ErrRequest)
		}
		return ErrRequest
	}
	f.splitRequest()
	if f.Status, line, ok = status(line); !ok {
		return ErrStatus
	}
	if f.Bytes, f.NoBytes, line, ok = size(line); !ok {
		return ErrBytes
	}
	return f.parseCombined(line)
}

// parseCombined reads what follows the size.
func (f *Fields) parseCombined(line []byte) FieldError {
	var ok bool
	if !bytes.HasPrefix(line, []byte(` "`)) {
		f.Rest = bytes.TrimPrefix(line, []byte{' '})
		return 0
	}
	referrer, line, ok := quoted(line)
	if !ok {
		return ErrReferrer
	}
	f.Referrer = referrer
	if f.Agent, line, ok = quoted(line); !ok {
		return ErrAgent
	}
	f.Combined = true
	f.Rest = bytes.TrimPrefix(line, []byte{' '})
	return 0
}

// word cuts a non-empty word and the space behind it off.
func word(b []byte) (w, rest []byte, ok bool) {
	w, rest, ok = bytes.Cut(b, []byte{' '})
	return w, rest, ok && len(w) > 0
}

// quoted cuts ` "text"` off. A backslash takes the meaning of the byte behind it.
func quoted(b []byte) (text, rest []byte, ok bool) {
	if len(b) < 2 || b[0] != ' ' || b[1] != '"' {
		return nil, b, false
	}
	b = b[2:]
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return b[:i], b[i+1:], true
		}
	}
	return nil, b, false
}

// field cuts a space and the word behind it off.
func field(b []byte) (w, rest []byte) {
	if len(b) == 0 || b[0] != ' ' {
		return nil, b
	}
	b = b[1:]
	if i := bytes.IndexByte(b, ' '); i >= 0 {
		return b[:i], b[i:]
	}
	return b, nil
}

func status(b []byte) (n int, rest []byte, ok bool) {
	w, rest := field(b)
	if string(w) == "-" {
		return 0, rest, true
	}
	v, ok := number(w)
	return int(v), rest, ok && len(w) == 3
}

func size(b []byte) (n int64, none bool, rest []byte, ok bool) {
	w, rest := field(b)
	if string(w) == "-" {
		return 0, true, rest, true
	}
	n, ok = number(w)
	return n, !ok, rest, ok
}

// maxDigits keeps a number below 2^63.
const maxDigits = 18

func number(w []byte) (n int64, ok bool) {
	if len(w) == 0 || len(w) > maxDigits {
		return 0, false
	}
	for _, c := range w {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// splitRequest takes the request apart. Some clients send spaces in the path, so the protocol is
// what follows the last one, if it looks like one.
func (f *Fields) splitRequest() {
	method, path, ok := bytes.Cut(f.Request, []byte{' '})
	if !ok || !isToken(method) || len(path) == 0 {
		return
	}
	f.Method, f.Path = method, path
	if i := bytes.LastIndexByte(path, ' '); i > 0 && bytes.HasPrefix(path[i+1:], []byte("HTTP/")) {
		f.Path, f.Proto = path[:i], path[i+1:]
	}
}

// isToken reports whether b can be a method: letters, and the few other characters that registered
// methods have.
func isToken(b []byte) bool {
	for _, c := range b {
		switch {
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c == '-', c == '_':
		default:
			return false
		}
	}
	return len(b) > 0
}
