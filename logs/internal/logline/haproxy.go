package logline

import "bytes"

// cutHAProxy finds what the HTTP and TCP formats of HAProxy begin with, behind a syslog header or a
// virtual host if there is one: the address and port of a client, and a time with a fraction in
// brackets, which has no offset. rest begins with the bracket.
func cutHAProxy(line []byte) (client, rest []byte, ok bool) {
	s, words := headTime(line, firstQuote(line))
	if words == 0 || s.begin < 2 || s.notation.date != dateCommon || s.notation.point == 0 || s.notation.zone != zoneNone {
		return nil, line, false
	}
	client = line[bytes.LastIndexByte(line[:s.begin-1], ' ')+1 : s.begin-1]
	return client, line[s.begin:], bytes.IndexByte(client, ':') >= 0
}

// parseHAProxy parses what follows the client in the HTTP format of HAProxy:
//
//	[time] frontend backend/server timers status bytes cookies state connections queues {headers} "request"
func (f *Fields) parseHAProxy(client, rest []byte) FieldError {
	f.Host, f.Ident, f.User = withoutPort(client), client[:0], client[:0]
	f.Time, rest, _ = bytes.Cut(rest[1:], []byte{']'})
	rest = bytes.TrimPrefix(rest, []byte{' '})
	f.read = readUpTo(ErrTime + 1)
	var timers []byte
	for range 3 { // the first are frontend and server
		timers, rest, _ = bytes.Cut(rest, []byte{' '})
	}
	if bytes.Count(timers, []byte{'/'}) != 4 { // of the TCP format: 2
		return ErrStatus
	}
	code, rest, _ := bytes.Cut(rest, []byte{' '})
	size, rest, _ := bytes.Cut(rest, []byte{' '})
	if string(code) != "-1" { // no response
		n, ok := number(code)
		if !ok || len(code) != 3 {
			return ErrStatus
		}
		f.Status = int(n)
	}
	f.read |= 1 << ErrStatus
	n, ok := number(bytes.TrimPrefix(size, []byte{'+'}))
	if !ok {
		return ErrBytes
	}
	f.Bytes, f.NoBytes = n, false
	f.read |= 1 << ErrBytes
	begin := bytes.Index(rest, []byte(` "`))
	if begin < 0 {
		return ErrRequest
	}
	if f.Request, rest, ok = quoted(rest[begin:]); !ok {
		return ErrRequest
	}
	f.splitRequest()
	f.Rest = bytes.TrimPrefix(rest, []byte{' '})
	f.read = allRead
	return 0
}

// withoutPort returns the address of a client without its port.
func withoutPort(address []byte) []byte {
	i := bytes.LastIndexByte(address, ':')
	if i > 0 && allDigits(address[i+1:]) {
		return address[:i]
	}
	return address
}
