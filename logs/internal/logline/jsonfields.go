package logline

import "bytes"

// object is an object of JSON access logs that has fields. Caddy has most of them in two objects
// inside of another.
type object uint8

const (
	inLine    object = iota
	inRequest        // the member request
	inHeaders        // its member headers
)

// jsonLine has the values of a JSON line that are not fields as they are.
type jsonLine struct {
	f                   *Fields
	method, path, proto []byte
	status, bytes       []byte
	// uri, client and body are path, host and bytes by keys that are better than others.
	uri, client, body []byte
}

// parseJSON parses an access log line in JSON.
func (f *Fields) parseJSON(text []byte) FieldError {
	j := jsonLine{f: f}
	s := scanner{text: text, at: 1}
	j.members(&s, inLine)
	if len(j.client) > 0 {
		f.Host = j.client
	}
	f.Host = withoutOnlyPort(f.Host)
	if len(f.Request) == 0 {
		f.joinRequest(&j)
	} else {
		f.splitRequest()
	}
	if len(f.Request) == 0 {
		f.VHost, f.read = nil, 0
		return ErrRequest
	}
	for _, text := range [...]*[]byte{&f.Ident, &f.User, &f.Referrer, &f.Agent} {
		if len(*text) == 0 { // as the Combined Log Format has it
			f.text = append(f.text, '-')
			*text = f.text[len(f.text)-1:]
		}
	}
	f.Combined = true
	if len(j.body) > 0 {
		j.bytes = j.body
	}
	if n, ok := number(j.bytes); ok {
		f.Bytes, f.NoBytes = n, false
	}
	if n, ok := number(j.status); ok && n < 1000 {
		f.Status = int(n)
	} else if f.read &^= 1 << ErrStatus; !s.cut {
		return ErrStatus
	}
	if s.cut {
		return ErrJSON
	}
	f.read = allRead
	return 0
}

// members reads the members of an object that the scanner is in.
func (j *jsonLine) members(s *scanner, in object) {
	for {
		m, more := s.next(true)
		switch {
		case !more:
			return
		case m.kind == valueObject && in == inLine && string(m.key) == "request":
			j.members(s, inRequest)
		case m.kind == valueObject && in == inRequest && string(m.key) == "headers":
			j.members(s, inHeaders)
		case m.kind == valueArray && in == inHeaders:
			if first, more := s.next(false); more {
				if first.kind >= valueObject {
					s.skip()
				} else {
					j.set(inHeaders, m.key, &first)
				}
				s.skip()
			}
		case m.kind >= valueObject:
			s.skip()
		default:
			j.set(in, m.key, &m)
		}
		if s.cut {
			return
		}
	}
}

// set sets the field of a key: the first one that is not empty counts.
func (j *jsonLine) set(in object, key []byte, m *member) {
	e, to := j.field(in, key)
	switch {
	case to == nil, len(*to) > 0, len(m.value) == 0:
		return
	case m.kind == valueLiteral && m.value[0] >= 'a': // null, true, false
		return
	case e == ErrTime && !new(Stamp).jsonTime(m):
		return
	}
	*to = j.f.textOf(m)
	j.f.read |= 1 << e
}

// textOf returns the text of a member.
func (f *Fields) textOf(m *member) []byte {
	if !m.escaped {
		return m.value
	}
	n := len(f.text)
	f.text = AppendUnescaped(f.text, m.value)
	return f.text[n:len(f.text):len(f.text)]
}

// joinRequest makes the request from its parts.
func (f *Fields) joinRequest(j *jsonLine) {
	if len(j.uri) > 0 {
		j.path = j.uri
	}
	if len(j.path) == 0 || len(j.method) == 0 {
		return
	}
	f.Method, f.Path, f.Proto = j.method, j.path, j.proto
	n := len(f.text)
	f.text = append(append(append(f.text, j.method...), ' '), j.path...)
	if len(j.proto) > 0 {
		f.text = append(append(f.text, ' '), j.proto...)
	}
	f.Request = f.text[n:len(f.text):len(f.text)]
}

// withoutOnlyPort returns an address without a port that is behind an IPv4 address, a name, or an
// IPv6 address in brackets.
func withoutOnlyPort(address []byte) []byte {
	if i := bytes.IndexByte(address, ':'); i >= 0 && bytes.LastIndexByte(address, ':') == i {
		return withoutPort(address)
	}
	if len(address) > 0 && address[0] == '[' {
		host := withoutPort(address)
		return bytes.TrimSuffix(host[1:], []byte{']'})
	}
	return address
}

// field returns the field of a key: its error, and where its text goes; nil if it has none.
func (j *jsonLine) field(in object, key []byte) (e FieldError, to *[]byte) {
	f := j.f
	if in == inHeaders {
		switch string(key) {
		case "User-Agent", "user-agent":
			return ErrAgent, &f.Agent
		case "Referer", "referer":
			return ErrReferrer, &f.Referrer
		}
		return 0, nil
	}
	switch string(key) {
	case "client_ip":
		return ErrHost, &j.client
	case "remote_addr", "remote_ip", "remote_host", "ClientHost", "clientip", "client":
		return ErrHost, &f.Host
	case "host", "http_host", "server_name", "vhost", "virtual_host", "RequestHost":
		return 0, &f.VHost
	case "user_id", "remote_user", "ClientUsername", "user", "username":
		return ErrUser, &f.User
	case "request", "request_line":
		return ErrRequest, &f.Request
	case "method", "request_method", "RequestMethod", "http_method", "verb":
		return ErrRequest, &j.method
	case "request_uri":
		return ErrRequest, &j.uri
	case "uri", "path", "RequestPath", "url":
		return ErrRequest, &j.path
	case "proto", "protocol", "server_protocol", "RequestProtocol":
		return ErrRequest, &j.proto
	case "status", "DownstreamStatus", "status_code", "response_code":
		return ErrStatus, &j.status
	case "body_bytes_sent":
		return ErrBytes, &j.body
	case "size", "bytes", "bytes_sent", "DownstreamContentSize", "response_size":
		return ErrBytes, &j.bytes
	case "http_referer", "referer", "referrer", "http_referrer", "request_Referer":
		return ErrReferrer, &f.Referrer
	case "http_user_agent", "user_agent", "agent", "request_User-Agent":
		return ErrAgent, &f.Agent
	}
	if in == inLine && isTimeKey(key) {
		return ErrTime, &f.Time
	}
	return 0, nil
}
