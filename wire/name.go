package wire

import (
	"bytes"
	"fmt"
)

// Name is a group name field: up to 31 bytes and a terminator. Bytes after the terminator have no
// meaning but are kept, because a daemon passes them on (client-protocol §5.4). The last byte
// always counts as a terminator.
type Name [NameLen]byte

// MakeName returns s as a field padded with zeros. It cuts off what does not fit into 31 bytes, as
// C libraries do for the targets of a multicast.
func MakeName(s string) (n Name) {
	copy(n[:MaxGroupName], s)
	return n
}

// Len returns the number of bytes before the terminator.
func (n *Name) Len() int {
	if i := bytes.IndexByte(n[:MaxGroupName], 0); i >= 0 {
		return i
	}
	return MaxGroupName
}

// Bytes returns the name without terminator and tail. It points into n.
func (n *Name) Bytes() []byte { return n[:n.Len()] }

// String returns the name as text. It allocates.
func (n Name) String() string { return string(n.Bytes()) }

// Clean returns the name with zeros after its terminator. Names are compared and stored in this
// form.
func (n Name) Clean() Name {
	clear(n[n.Len():])
	return n
}

// IsPrivate reports whether the name addresses one session: it begins with '#'.
func (n *Name) IsPrivate() bool { return n[0] == '#' }

// legalByte reports whether c is legal in a group or private name: '$' to '~' (client-protocol
// §1.1). That excludes '#'.
func legalByte(c byte) bool { return c >= 0x24 && c <= 0x7e }

func legal[T string | []byte](s T, limit int) bool {
	if len(s) == 0 || len(s) > limit {
		return false
	}
	for i := range len(s) {
		if !legalByte(s[i]) {
			return false
		}
	}
	return true
}

// LegalGroup reports whether s may be joined and left: 1 to 31 bytes from '$' to '~'
// (client-protocol §1.1).
func LegalGroup[T string | []byte](s T) bool { return legal(s, MaxGroupName) }

// LegalPrivateName reports whether s may name a session: 1 to 10 bytes from '$' to '~'.
func LegalPrivateName[T string | []byte](s T) bool { return legal(s, MaxPrivateName) }

// LegalDaemonName reports whether s may follow the second '#' of a private group: 1 to 19 bytes
// from '$' to '~'.
func LegalDaemonName[T string | []byte](s T) bool { return legal(s, MaxDaemonName) }

// PrivateGroup returns "#private#daemon". It fails if either part is illegal.
func PrivateGroup(private, daemon string) (Name, error) {
	if !LegalPrivateName(private) {
		return Name{}, fmt.Errorf("private name %q: want 1 to %d bytes from '$' to '~'", private, MaxPrivateName)
	}
	if !LegalDaemonName(daemon) {
		return Name{}, fmt.Errorf("daemon name %q: want 1 to %d bytes from '$' to '~'", daemon, MaxDaemonName)
	}
	return MakeName("#" + private + "#" + daemon), nil
}

// SplitPrivate splits a private group, "#private#daemon", into its parts if they are legal. The
// results point into the name.
func (n *Name) SplitPrivate() (private, daemon []byte, ok bool) {
	b := n.Bytes()
	if len(b) == 0 || b[0] != '#' {
		return nil, nil, false
	}
	private, daemon, ok = bytes.Cut(b[1:], []byte{'#'})
	if !ok || !LegalPrivateName(private) || !LegalDaemonName(daemon) {
		return nil, nil, false
	}
	return private, daemon, true
}
