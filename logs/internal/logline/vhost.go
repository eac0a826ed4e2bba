package logline

import "bytes"

// CutVHost cuts the virtual host off a line that has one in front, as Debian's
// vhost_combined ("%v:%p %h %l %u %t ...") and mod_log_spread's lines for VhostDir
// do, and the space behind it. ok tells whether there is one; else rest is the line.
//
// The first word is a virtual host if at least three more stand in front of the
// time, and the one behind it is not "-". That takes a user with spaces for what it is, as
// long as the ident is "-", as it is wherever nobody asks identd. Lines of one word
// in front of the time and lines without a time have none.
func CutVHost(line []byte) (vhost, rest []byte, ok bool) {
	head, _, found := bytes.Cut(line, []byte(" ["))
	if !found {
		return nil, line, false
	}
	vhost, after, ok := word(head)
	if !ok {
		return nil, line, false
	}
	client, after, ok := word(after)
	if !ok || string(client) == "-" {
		return nil, line, false
	}
	if _, after, ok = word(after); !ok || len(after) == 0 {
		return nil, line, false
	}
	return vhost, line[len(vhost)+1:], true
}

// AppendVHost appends the name of a virtual host as one writes it: in lower case,
// without its port and the dot at its end.
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
