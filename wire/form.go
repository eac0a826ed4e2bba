package wire

import (
	"encoding/binary"
	"iter"
	"slices"
)

// Bodies of the tokens that build a ring (membership-protocol §2.6 to §2.8). Offsets count from the
// start of the body:
//
//	FORM1                                  FORM2
//	   0  516  member list, fixed form       0  516  member list, fixed form
//	 516  204  representatives, fixed form  516    8  id of the new membership
//	 720    4  number of ring entries       524    4  number of ring entries
//	 724    …  ring entries                 528    …  ring entries
//
// A list in its fixed form has all its slots; those behind its count are noise.
//
// Ring entry:
//
//	 0    8  membership id of the old ring
//	 8    4  time of the transitional membership's id; 0 in FORM1
//	12    4  aru: every member of the old ring has everything up to here
//	16    4  highest sequence number known to a daemon on the token
//	20    4  number of holes h
//	24    2  size of the commit set c
//	26    2  size of the transitional set t, 1 ≤ t ≤ c
//	28  4 h  holes: numbers that no daemon on the token has, ascending
//	 …  4 c  daemon ids; the first t are the transitional set
const (
	fixedMembersLen = memberListHeader + 4*MaxMembersOfList
	fixedRepsLen    = repListHeader + repLen*MaxReps
	form2IDLen      = 8
	ringEntryLen    = 28
	// MaxRings is the maximum number of ring entries on a form token.
	MaxRings = 20
	// MaxHoles is the maximum number of holes in a ring entry.
	MaxHoles = 1600
)

// Form is the body of a FORM1 or FORM2 token.
type Form struct {
	ByteOrder ByteOrder
	// Members have joined the attempt. Pending have not read the token yet.
	Members, Pending DaemonList
	// RepIndex and Reps belong to FORM1: the representatives, and the index of the next one to
	// visit.
	RepIndex int16
	Reps     RepList
	// ID belongs to FORM2: the membership to be installed. It is noise until the future leader has
	// written it.
	ID       MembershipID
	NumRings int
	rings    []byte
}

// Decode reads the body of a form token, to its last byte.
func (f *Form) Decode(t *Token) error {
	*f = Form{ByteOrder: t.ByteOrder}
	o, b := t.ByteOrder, t.Body
	form1 := t.Type&TokenForm1 != 0
	fixed := fixedMembersLen + form2IDLen
	if form1 {
		fixed = fixedMembersLen + fixedRepsLen
	}
	if len(b) < fixed+4 {
		return &DecodeError{"form token", TokenHeaderLen + len(b), ErrShort}
	}
	n, pending := int(int16(o.Uint16(b))), int(int16(o.Uint16(b[2:])))
	if n < 0 || pending < 0 || n+pending > MaxMembersOfList {
		return &DecodeError{"member list of a form token", TokenHeaderLen, ErrLength}
	}
	all := DaemonList{o, b[memberListHeader : memberListHeader+4*(n+pending)]}
	f.Members, f.Pending = all.slice(0, n), all.slice(n, n+pending)
	rest := b[fixedMembersLen:fixed]
	if form1 {
		r := int(int16(o.Uint16(rest)))
		f.RepIndex = int16(o.Uint16(rest[2:]))
		if r < 0 || r > MaxReps || f.RepIndex < 0 || int(f.RepIndex) > r {
			return &DecodeError{"representatives of a form token", TokenHeaderLen + fixedMembersLen, ErrLength}
		}
		f.Reps = RepList{o, rest[repListHeader : repListHeader+repLen*r]}
	} else {
		f.ID = o.membershipID(rest)
	}
	count := o.Int32(b[fixed:])
	if count < 0 || count > MaxRings {
		return &DecodeError{"number of ring entries", TokenHeaderLen + fixed, ErrLength}
	}
	f.NumRings, f.rings = int(count), b[fixed+4:]
	return f.checkRings(TokenHeaderLen + fixed + 4)
}

// checkRings checks that the entries fill the body.
func (f *Form) checkRings(at int) error {
	rest := f.rings
	for range f.NumRings {
		_, n, err := decodeRingEntry(f.ByteOrder, rest)
		if err != nil {
			return &DecodeError{"ring entry", at, err}
		}
		rest = rest[n:]
		at += n
	}
	if len(rest) > 0 {
		return &DecodeError{"form token", at, ErrForm}
	}
	return nil
}

// Rings yields the ring entries of a value that Decode accepted.
func (f *Form) Rings() iter.Seq2[int, RingEntry] {
	return func(yield func(int, RingEntry) bool) {
		rest := f.rings
		for i := range f.NumRings {
			e, n, err := decodeRingEntry(f.ByteOrder, rest)
			if err != nil || !yield(i, e) {
				return
			}
			rest = rest[n:]
		}
	}
}

// RingEntry is the state of one old ring on a form token.
type RingEntry struct {
	Membership MembershipID
	TransTime  int32
	Aru        int32
	HighestSeq int32
	NumTrans   int // of Commit, from its beginning: the transitional set
	Commit     DaemonList
	byteOrder  ByteOrder
	holes      []byte
}

// NumHoles returns the number of holes.
func (e *RingEntry) NumHoles() int { return len(e.holes) / 4 }

// Hole returns the sequence number of hole i.
func (e *RingEntry) Hole(i int) int32 { return e.byteOrder.Int32(e.holes[4*i:]) }

// Transitional returns the transitional set.
func (e *RingEntry) Transitional() DaemonList { return e.Commit.slice(0, e.NumTrans) }

func decodeRingEntry(o ByteOrder, b []byte) (e RingEntry, n int, err error) {
	if len(b) < ringEntryLen {
		return e, 0, ErrShort
	}
	holes := o.Int32(b[20:])
	commit, trans := int16(o.Uint16(b[24:])), int16(o.Uint16(b[26:]))
	if holes < 0 || holes > MaxHoles || trans < 1 || commit < trans || commit > MaxMembersOfList {
		return e, 0, ErrLength
	}
	n = ringEntryLen + 4*int(holes) + 4*int(commit)
	if len(b) < n {
		return e, 0, ErrShort
	}
	ids := ringEntryLen + 4*int(holes)
	return RingEntry{
		Membership: o.membershipID(b),
		TransTime:  o.Int32(b[8:]),
		Aru:        o.Int32(b[12:]),
		HighestSeq: o.Int32(b[16:]),
		NumTrans:   int(trans),
		Commit:     DaemonList{o, b[ids:n]},
		byteOrder:  o,
		holes:      b[ringEntryLen:ids],
	}, n, nil
}

// FormValue is a form token's body to be encoded.
type FormValue struct {
	Members, Pending []DaemonID
	RepIndex         int16 // FORM1
	Reps             []Rep // FORM1
	ID               MembershipID
	Rings            []RingValue
}

// RingValue is a ring entry to be encoded.
type RingValue struct {
	Membership MembershipID
	TransTime  int32
	Aru        int32
	HighestSeq int32
	Holes      []int32
	Commit     []DaemonID
	NumTrans   int
}

// Value returns the form as a value that shares nothing with the datagram.
func (f *Form) Value() FormValue {
	v := FormValue{
		Members: collect(f.Members.All()), Pending: collect(f.Pending.All()),
		RepIndex: f.RepIndex, Reps: collect(f.Reps.All()), ID: f.ID,
	}
	for _, e := range f.Rings() {
		v.Rings = append(v.Rings, RingValue{
			Membership: e.Membership, TransTime: e.TransTime, Aru: e.Aru, HighestSeq: e.HighestSeq,
			Holes: collect(elements(e.NumHoles(), e.Hole)), Commit: collect(e.Commit.All()), NumTrans: e.NumTrans,
		})
	}
	return v
}

func collect[T any](seq iter.Seq2[int, T]) (all []T) {
	for _, x := range seq {
		all = append(all, x)
	}
	return all
}

// Append appends the body of a form token of type t (FORM1 or FORM2) to b, with zeros where the
// format has noise. Lists must not exceed their limits.
func (v *FormValue) Append(b []byte, o ByteOrder, t RingType) []byte {
	start := len(b)
	b = o.AppendUint16(b, uint16(len(v.Members)))
	b = o.AppendUint16(b, uint16(len(v.Pending)))
	for _, id := range slices.Concat(v.Members, v.Pending) {
		b = o.AppendUint32(b, uint32(id))
	}
	b = appendZeros(b, start+fixedMembersLen)
	if t&TokenForm1 != 0 {
		b = AppendReps(b, o, v.RepIndex, v.Reps...)
		b = appendZeros(b, start+fixedMembersLen+fixedRepsLen)
	} else {
		b = o.appendMembershipID(b, v.ID)
	}
	b = o.AppendUint32(b, uint32(len(v.Rings)))
	for i := range v.Rings {
		b = v.Rings[i].append(b, o)
	}
	return b
}

func (r *RingValue) append(b []byte, o ByteOrder) []byte {
	b = o.appendMembershipID(b, r.Membership)
	for _, n := range [...]int32{r.TransTime, r.Aru, r.HighestSeq, int32(len(r.Holes))} {
		b = o.AppendUint32(b, uint32(n))
	}
	b = o.AppendUint16(b, uint16(len(r.Commit)))
	b = o.AppendUint16(b, uint16(r.NumTrans))
	for _, h := range r.Holes {
		b = o.AppendUint32(b, uint32(h))
	}
	for _, id := range r.Commit {
		b = o.AppendUint32(b, uint32(id))
	}
	return b
}

func appendZeros(b []byte, n int) []byte {
	for len(b) < n {
		b = binary.LittleEndian.AppendUint32(b, 0)
	}
	return b[:n]
}
