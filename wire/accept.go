package wire

// Accept message, daemon to client (client-protocol §3.3):
//
//	offset  size  field
//	     0     1  1 = ACCEPT_SESSION; negative: a rejection, nothing follows
//	     1     1  daemon major version
//	     2     1  daemon minor version
//	     3     1  daemon patch version, only to clients from 3.15 on
//	     4     1  length P of the private group name
//	     5     P  private group name, no terminator

// Accept is the daemon's last message of the handshake.
type Accept struct {
	Version Version
	Group   []byte // private group of the session, "#name#daemon"
}

// Decode reads an accept message, or a rejection, from the start of b and returns its length.
// hasPatch says whether the version has three bytes, which follows from the client's own version
// ([Version.HasPatch]). code is AcceptSession or the rejection; with a rejection the value is
// empty. Group points into b.
func (a *Accept) Decode(b []byte, hasPatch bool) (code Code, n int, err error) {
	*a = Accept{}
	if len(b) < 1 {
		return 0, 0, &DecodeError{"accept message", 0, ErrShort}
	}
	switch code = Code(b[0]); {
	case code < 0:
		return code, 1, nil
	case code != AcceptSession:
		return 0, 0, &DecodeError{"accept code", 0, ErrForm}
	}
	fixed := 4
	if hasPatch {
		fixed = 5
	}
	if len(b) < fixed {
		return 0, 0, &DecodeError{"accept message", len(b), ErrShort}
	}
	a.Version = Version{Major: b[1], Minor: b[2]}
	if hasPatch {
		a.Version.Patch = b[3]
	}
	size := int(b[fixed-1])
	if size > MaxGroupName {
		return 0, 0, &DecodeError{"private group length", fixed - 1, ErrLength}
	}
	if len(b) < fixed+size {
		return 0, 0, &DecodeError{"private group", len(b), ErrShort}
	}
	a.Group = b[fixed : fixed+size]
	return AcceptSession, fixed + size, nil
}

// Append appends the message to b, in the form for clients whose versions have a patch byte or for
// older ones. Group has at most [MaxGroupName] bytes.
func (a *Accept) Append(b []byte, hasPatch bool) []byte {
	b = append(b, byte(AcceptSession), a.Version.Major, a.Version.Minor)
	if hasPatch {
		b = append(b, a.Version.Patch)
	}
	b = append(b, byte(len(a.Group)))
	return append(b, a.Group...)
}
