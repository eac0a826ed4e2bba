package wire

// Connect request, client to daemon (client-protocol §3.1):
//
//	offset  size  field
//	     0     1  library major version
//	     1     1  library minor version
//	     2     1  library patch version, only from version 3.15 on
//	     3     1  flags
//	     4     1  length N of the private name
//	     5     N  private name, no terminator
//
// Without the patch byte the later fields stand one byte earlier.

// Flags of a connect request.
const (
	// FlagMembership requests membership messages.
	FlagMembership = 0x01
	// FlagPriority is stored and has no effect.
	FlagPriority = 0x10
)

// ConnectRequest is the first message of a client.
type ConnectRequest struct {
	Version Version
	Flags   uint8
	Name    []byte // wish for a private name; empty: the daemon makes one up
}

// HasPatch reports whether requests and accepts of this version have a patch byte.
func (v Version) HasPatch() bool { return v.AtLeast(3, 15, 0) }

// Negotiates reports whether clients of this version read a method list and choose authentication
// methods.
func (v Version) Negotiates() bool { return v.AtLeast(3, 16, 0) }

// ConnectRequestSize returns the minimum length of a request that begins with b. A reader that has
// fewer bytes reads up to that number and asks again, so it never reads beyond the request. A name
// length over [MaxPrivateName] adds nothing: the request is refused without its name.
func ConnectRequestSize(b []byte) int {
	if len(b) < 2 {
		return 2
	}
	fixed := 4
	if (Version{Major: b[0], Minor: b[1]}).HasPatch() {
		fixed = 5
	}
	if len(b) < fixed || b[fixed-1] > MaxPrivateName {
		return fixed
	}
	return fixed + int(b[fixed-1])
}

// Decode reads a request from the start of b and returns its length. A name length over
// [MaxPrivateName] is ErrLength. Name points into b.
func (r *ConnectRequest) Decode(b []byte) (n int, err error) {
	*r = ConnectRequest{}
	n = ConnectRequestSize(b)
	if len(b) < n {
		return 0, &DecodeError{"connect request", len(b), ErrShort}
	}
	r.Version = Version{Major: b[0], Minor: b[1]}
	rest := b[2:n]
	if r.Version.HasPatch() {
		r.Version.Patch = rest[0]
		rest = rest[1:]
	}
	r.Flags = rest[0]
	if rest[1] > MaxPrivateName {
		return 0, &DecodeError{"private name length", n - 1, ErrLength}
	}
	r.Name = rest[2:]
	return n, nil
}

// Append appends the request to b. A name beyond [MaxPrivateName] bytes is cut, as C libraries do.
func (r *ConnectRequest) Append(b []byte) []byte {
	b = append(b, r.Version.Major, r.Version.Minor)
	if r.Version.HasPatch() {
		b = append(b, r.Version.Patch)
	}
	name := r.Name[:min(len(r.Name), MaxPrivateName)]
	b = append(b, r.Flags, byte(len(name)))
	return append(b, name...)
}
