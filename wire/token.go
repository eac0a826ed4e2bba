package wire

// Token header, token port (ring-protocol §8):
//
//	offset  size  field
//	     0     4  type: round number, retransmission count, form bits, marker
//	     4     4  transmitter
//	     8     4  proc: of a form token, who updated it last
//	    12     8  membership id; of a form token, the attempt's
//	    20     4  seq: highest number assigned; of a form token, the recovery mark
//	    24     4  aru
//	    28     4  daemon that last set aru, or -1
//	    32     2  flow control: packets sent in the last round
//	    34     2  rtr_len: bytes behind this header
//	    36     4  configuration hash
const (
	offTokenType        = 0
	offTokenTransmitter = 4
	offTokenProc        = 8
	offTokenMembership  = 12
	offTokenSeq         = 20
	offTokenAru         = 24
	offTokenAruLast     = 28
	offTokenFlowControl = 32
	offTokenRtrLen      = 34
	offTokenConfHash    = 36
)

const (
	// TokenHeaderLen is the size of a token header.
	TokenHeaderLen = 40
	// MaxTokenBody is the most that follows the header in a UDP datagram.
	MaxTokenBody = 65507 - TokenHeaderLen
	// NoDaemon means no daemon in a token.
	NoDaemon DaemonID = 0xffffffff
	// NoSegment means no particular segment in a token.
	NoSegment int16 = -1
)

// Token is a token's header and a view of its body.
type Token struct {
	ByteOrder   ByteOrder
	Type        RingType
	Transmitter DaemonID
	Proc        DaemonID
	Membership  MembershipID
	Seq         int32
	Aru         int32
	AruLast     DaemonID
	FlowControl int16
	ConfHash    uint32
	// Body points into the datagram. It holds retransmission requests ([Token.Requests]), or the
	// content of a form token ([Form]).
	Body []byte
}

// Decode reads a token, which is a whole datagram.
func (t *Token) Decode(b []byte) error {
	*t = Token{}
	if len(b) < TokenHeaderLen {
		return &DecodeError{"token header", len(b), ErrShort}
	}
	o := ByteOrderOf(b)
	if n := int(o.Uint16(b[offTokenRtrLen:])); len(b) != TokenHeaderLen+n {
		return &DecodeError{"token length", offTokenRtrLen, ErrLength}
	}
	*t = Token{
		ByteOrder:   o,
		Type:        RingType(o.Uint32(b[offTokenType:]) &^ o.mark()),
		Transmitter: DaemonID(o.Uint32(b[offTokenTransmitter:])),
		Proc:        DaemonID(o.Uint32(b[offTokenProc:])),
		Membership:  o.membershipID(b[offTokenMembership:]),
		Seq:         o.Int32(b[offTokenSeq:]),
		Aru:         o.Int32(b[offTokenAru:]),
		AruLast:     DaemonID(o.Uint32(b[offTokenAruLast:])),
		FlowControl: int16(o.Uint16(b[offTokenFlowControl:])),
		ConfHash:    o.Uint32(b[offTokenConfHash:]),
		Body:        b[TokenHeaderLen:],
	}
	return nil
}

// Append appends the token to b, including its body, in its byte order.
func (t *Token) Append(b []byte) []byte {
	o := t.ByteOrder
	b = o.AppendUint32(b, uint32(t.Type)|o.mark())
	b = o.AppendUint32(b, uint32(t.Transmitter))
	b = o.AppendUint32(b, uint32(t.Proc))
	b = o.appendMembershipID(b, t.Membership)
	b = o.AppendUint32(b, uint32(t.Seq))
	b = o.AppendUint32(b, uint32(t.Aru))
	b = o.AppendUint32(b, uint32(t.AruLast))
	b = o.AppendUint16(b, uint16(t.FlowControl))
	b = o.AppendUint16(b, uint16(len(t.Body)))
	b = o.AppendUint32(b, t.ConfHash)
	return append(b, t.Body...)
}

// Retransmission request, in the body of a regular token (ring-protocol §8):
//
//	offset  size  field
//	     0     8  membership id of the ring whose packets are asked for
//	     8     4  the one daemon that wants them, or NoDaemon
//	    12     2  the one segment that wants them, or NoSegment
//	    14     2  how many
//	    16   4 n  sequence numbers, ascending
const requestHeaderLen = 16

// Request asks for packets to be sent again.
type Request struct {
	ByteOrder  ByteOrder
	Membership MembershipID
	Proc       DaemonID
	Segment    int16
	seqs       []byte
}

// NumSeqs returns the number of packets asked for.
func (r *Request) NumSeqs() int { return len(r.seqs) / 4 }

// Seq returns the sequence number at place i.
func (r *Request) Seq(i int) int32 { return r.ByteOrder.Int32(r.seqs[4*i:]) }

// RequestIter iterates over the retransmission requests of a regular token. The zero value has
// none.
type RequestIter struct {
	byteOrder ByteOrder
	rest      []byte
}

// Requests returns the requests of the token, which must have passed [Token.CheckRequests].
func (t *Token) Requests() RequestIter { return RequestIter{t.ByteOrder, t.Body} }

// Next returns the next request. It returns false after the last one, or where the body is
// malformed.
func (it *RequestIter) Next() (Request, bool) {
	if len(it.rest) < requestHeaderLen {
		return Request{}, false
	}
	o := it.byteOrder
	n := int(int16(o.Uint16(it.rest[14:])))
	end := requestHeaderLen + 4*n
	if n < 0 || end > len(it.rest) {
		it.rest = nil
		return Request{}, false
	}
	r := Request{
		ByteOrder:  o,
		Membership: o.membershipID(it.rest),
		Proc:       DaemonID(o.Uint32(it.rest[8:])),
		Segment:    int16(o.Uint16(it.rest[12:])),
		seqs:       it.rest[requestHeaderLen:end],
	}
	it.rest = it.rest[end:]
	return r, true
}

// CheckRequests checks the body of a regular token to its last byte.
func (t *Token) CheckRequests() error {
	it := t.Requests()
	for len(it.rest) > 0 {
		at := TokenHeaderLen + len(t.Body) - len(it.rest)
		if _, ok := it.Next(); !ok {
			return &DecodeError{"retransmission request", at, ErrLength}
		}
	}
	return nil
}

// AppendRequest appends a retransmission request to b, the body of a token.
func AppendRequest(b []byte, o ByteOrder, id MembershipID, proc DaemonID, segment int16, seqs ...int32) []byte {
	b = o.appendMembershipID(b, id)
	b = o.AppendUint32(b, uint32(proc))
	b = o.AppendUint16(b, uint16(segment))
	b = o.AppendUint16(b, uint16(len(seqs)))
	for _, s := range seqs {
		b = o.AppendUint32(b, uint32(s))
	}
	return b
}
