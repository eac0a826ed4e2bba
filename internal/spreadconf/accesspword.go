package spreadconf

import (
	"iter"
	"strings"

	"github.com/spreadd/spreadd/internal/conf"
)

// AccessPword is the content of spread.access_pword: the users of the method PWORD. A nil
// *AccessPword has none.
type AccessPword struct {
	hashes map[string]string
}

// Bounds of a user name, which the protocol carries in 32 bytes with a terminator, and the length
// of a traditional crypt(3) result (client-protocol §4.4).
const (
	maxPwordUser = 31
	pwordHashLen = 13
)

// ParseAccessPword reads a file of lines "user:hash", where the hash is a traditional crypt(3)
// result of 13 characters. Empty lines and what follows a # are skipped. A malformed line is an
// [*Error] with CodeAccess, which does not repeat the line, and so is a second one for a user.
func ParseAccessPword(file string, src []byte) (*AccessPword, error) {
	a := &AccessPword{hashes: map[string]string{}}
	for line := range accessLines(file, src) {
		const form = "`user:hash`"
		user, hash, ok := strings.Cut(line.text, ":")
		line.secret = true
		switch {
		case !ok:
			return nil, line.fail(form, "put a colon between the user and the hash")
		case user == "" || len(user) > maxPwordUser:
			return nil, line.fail(form+" with a user of 1 to 31 bytes", "choose another user name")
		case len(hash) != pwordHashLen || !allIn(hash, isCryptByte):
			return nil, line.fail(form+" with a traditional crypt(3) hash", "make the hash, 13 characters, with DES and nothing newer")
		}
		if _, dup := a.hashes[user]; dup {
			return nil, line.fail("a user who is not in the file yet", "remove one of the lines of user "+show(user))
		}
		a.hashes[user] = hash
	}
	return a, nil
}

func isCryptByte(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '.' || c == '/'
}

// Hash returns the crypt(3) hash of a user's password.
func (a *AccessPword) Hash(user string) (hash string, ok bool) {
	if a == nil {
		return "", false
	}
	hash, ok = a.hashes[user]
	return hash, ok
}

// Len returns the number of users.
func (a *AccessPword) Len() int {
	if a == nil {
		return 0
	}
	return len(a.hashes)
}

// accessLine is a line of an access file that says something.
type accessLine struct {
	pos    Pos
	text   string // without comment and surrounding white space
	secret bool   // must not appear in messages
}

func (l accessLine) fail(expected, advice string) *Error {
	err := failAt(l.pos, l.text, CodeAccess, "found "+show(l.text), advice)
	if l.secret {
		err.Token, err.Problem = "", "found something else"
	}
	err.Expected = expected
	return err
}

// accessLines returns the lines that are neither empty nor comments.
func accessLines(file string, src []byte) iter.Seq[accessLine] {
	return func(yield func(accessLine) bool) {
		n := 0
		for raw := range strings.Lines(conf.Text(src)) {
			n++
			text, _, _ := strings.Cut(raw, "#")
			text = strings.TrimRight(text, " \t\r\n")
			indented := len(text)
			text = strings.TrimLeft(text, " \t")
			if text == "" {
				continue
			}
			at := Pos{File: file, Line: n, Col: indented - len(text) + 1}
			if !yield(accessLine{pos: at, text: text}) {
				return
			}
		}
	}
}
