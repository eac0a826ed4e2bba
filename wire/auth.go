package wire

import (
	"bytes"
	"iter"
)

// Names of the authentication methods (client-protocol §4), in the order in which a daemon lists
// them.
const (
	MethodNull     = "NULL"
	MethodIP       = "IP"
	MethodPassword = "PWORD"
)

// MethodList is the daemon's offer of authentication methods (client-protocol §3.2): a length byte,
// then each name followed by a space. The value is the text after the length byte.
type MethodList []byte

// DecodeFirstReply reads the daemon's first reply to a client that negotiates: a method list, or a
// rejection. It returns the number of bytes used. code is 0 if the reply is a list, which points
// into b.
func DecodeFirstReply(b []byte) (list MethodList, code Code, n int, err error) {
	if len(b) < 1 {
		return nil, 0, 0, &DecodeError{"method list", 0, ErrShort}
	}
	if c := Code(b[0]); c < 0 {
		return nil, c, 1, nil
	}
	n = 1 + int(b[0])
	if b[0] > MaxMethodList {
		return nil, 0, 0, &DecodeError{"method list length", 0, ErrLength}
	}
	if len(b) < n {
		return nil, 0, 0, &DecodeError{"method list", len(b), ErrShort}
	}
	return MethodList(b[1:n]), 0, n, nil
}

// MakeMethodList returns the list of the given names.
func MakeMethodList(names ...string) MethodList {
	var l MethodList
	for _, s := range names {
		l = append(append(l, s...), ' ')
	}
	return l
}

// Append appends the length byte and the list to b. A list has at most [MaxMethodList] bytes.
func (l MethodList) Append(b []byte) []byte {
	return append(append(b, byte(len(l))), l...)
}

// Has reports whether the list offers a method.
func (l MethodList) Has(method string) bool {
	for name := range bytes.FieldsSeq(l) {
		if string(name) == method {
			return true
		}
	}
	return false
}

// MethodChoice is the client's answer: up to three method names, each in a field of 30 bytes
// (client-protocol §4.1).
type MethodChoice [MethodChoiceLen]byte

// MakeMethodChoice returns a choice of up to three names of up to 29 bytes. It reports false for
// anything else.
func MakeMethodChoice(names ...string) (c MethodChoice, ok bool) {
	if len(names) > MethodFields {
		return c, false
	}
	for i, s := range names {
		if s == "" || len(s) >= MethodNameLen {
			return c, false
		}
		copy(c[i*MethodNameLen:], s)
	}
	return c, true
}

// Decode reads a choice from the start of b.
func (c *MethodChoice) Decode(b []byte) error {
	if len(b) < MethodChoiceLen {
		return &DecodeError{"method choice", len(b), ErrShort}
	}
	copy(c[:], b)
	return nil
}

// Append appends the choice to b.
func (c *MethodChoice) Append(b []byte) []byte { return append(b, c[:]...) }

// Methods returns the chosen names in order, up to the first empty field. The names point into c.
func (c *MethodChoice) Methods() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for i := range MethodFields {
			name, _, _ := bytes.Cut(c[i*MethodNameLen:(i+1)*MethodNameLen], []byte{0})
			if len(name) == 0 || !yield(name) {
				return
			}
		}
	}
}

// Sizes of a password request (client-protocol §4.4).
const (
	userLen     = 32
	passwordLen = 8
	// PasswordRequestLen is the size of a password request.
	PasswordRequestLen = userLen + passwordLen
)

// PasswordRequest is what a client sends for the PWORD method: a user name in 32 bytes, and a
// clear-text password in 8.
type PasswordRequest [PasswordRequestLen]byte

// MakePasswordRequest returns a request. It refuses users over 31 bytes. Only the first 8 bytes of
// a password count.
func MakePasswordRequest(user, password string) (r PasswordRequest, ok bool) {
	if user == "" || len(user) >= userLen {
		return r, false
	}
	copy(r[:userLen], user)
	copy(r[userLen:], password)
	return r, true
}

// Decode reads a request from the start of b.
func (r *PasswordRequest) Decode(b []byte) error {
	if len(b) < PasswordRequestLen {
		return &DecodeError{"password request", len(b), ErrShort}
	}
	copy(r[:], b)
	return nil
}

// Append appends the request to b.
func (r *PasswordRequest) Append(b []byte) []byte { return append(b, r[:]...) }

// User returns the user name.
func (r *PasswordRequest) User() string { return cString(r[:userLen]) }

// Password returns the password.
func (r *PasswordRequest) Password() string { return cString(r[userLen:]) }

func cString(b []byte) string {
	b, _, _ = bytes.Cut(b, []byte{0})
	return string(b)
}
