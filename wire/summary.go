package wire

import (
	"encoding/binary"
)

// The extended status of daemons of ours (monitor-protocol §9). A request for it is a status request
// with a body, which C daemons do not look at:
//
//	offset  size  field
//	     0     4  "SPRD"
//	     4     2  version, 1
//	     6     2  rank of the first daemon that the answer is to describe
//	     8     4  nonce, which the answer repeats
//	    12        zeros, up to SummaryRequestLen
//
// The answer is a status report (Status) with more behind it, little-endian:
//
//	offset  size  field
//	    96     4  "SPRD"
//	   100     2  version, 2
//	   102     2  flags: 1 a ring is in operation
//	   104     4  nonce of the request
//	   108     8  id of the ring {daemon 4, time 4}
//	   116     4  seconds since it was installed
//	   120     4  hash of the configuration
//	   124     4  mean time of a token round lately, in microseconds
//	   128     4  by how much the daemon was descheduled recently, in microseconds
//	   132     4  sessions
//	   136     4  groups
//	   140     4  sessions that do not keep up
//	   144     4  changes of membership
//	   148     8  bytes that wait for clients
//	   156     8  sessions ended because they did not read
//	   164     8  memory of messages, in bytes
//	   172     8  limit of that memory
//	   180     8  suspicious datagrams refused
//	   188     8  messages delivered
//	   196     8  packets sent
//	   204     8  packets received
//	   212     8  packets retransmitted
//	   220     2  daemons in the configuration
//	   222     2  rank of the first daemon described
//	   224     2  number of daemons described
//	   226     2  length of the version
//	   228     2  length of the change
//	   230        version, then the last change of membership as text
//	           28 each daemon described (PeerSummary)
//	           10 its ring keys (SummaryKeys), since version 2
const (
	summaryMagic          = "SPRD"
	summaryRequestVersion = 1
	// summaryVersion is that of answers.
	summaryVersion = 2
	// SummaryRequestLen is the size of the body of a request. An answer is at most 3.4 times as long
	// as its request, as that to a request without a body.
	SummaryRequestLen = 400
	// summaryFixed is the size of the fixed part, behind the status.
	summaryFixed = 134
	// peerSummaryLen is the size of one daemon described.
	peerSummaryLen = 28
	// summaryKeysLen is the size of the state of the ring keys.
	summaryKeysLen = 10
	// maxSummary bounds an answer with its header: it fits into one frame, sealed or not.
	maxSummary = 1400
	// maxSummaryVersion and maxSummaryChange bound the texts, in bytes.
	maxSummaryVersion, maxSummaryChange = 64, 200
)

// SummaryRequest asks for an extended status.
type SummaryRequest struct {
	// First is the rank of the first daemon that the answer is to describe.
	First uint16
	// Nonce is repeated in the answer.
	Nonce uint32
}

// Append appends the body of the request.
func (r *SummaryRequest) Append(b []byte) []byte {
	start := len(b)
	b = append(b, summaryMagic...)
	b = binary.LittleEndian.AppendUint16(b, summaryRequestVersion)
	b = binary.LittleEndian.AppendUint16(b, r.First)
	b = binary.LittleEndian.AppendUint32(b, r.Nonce)
	return append(b, make([]byte, SummaryRequestLen-(len(b)-start))...)
}

// Decode reads the request from the body of a status request. It returns an error if the body is not a request:
// the sender wants a plain report.
func (r *SummaryRequest) Decode(p *Packet) error {
	*r = SummaryRequest{}
	const least = 12
	b := p.Body
	switch {
	case len(b) < least:
		return &DecodeError{"summary request", PacketHeaderLen, ErrShort}
	case string(b[:4]) != summaryMagic || binary.LittleEndian.Uint16(b[4:]) == 0:
		return &DecodeError{"summary request", PacketHeaderLen, ErrForm}
	}
	r.First, r.Nonce = binary.LittleEndian.Uint16(b[6:]), binary.LittleEndian.Uint32(b[8:])
	return nil
}

// SummaryHead is the fixed part of an extended status, its fields in the order of the wire.
type SummaryHead struct {
	Operating    uint16 // 1 if a ring is in operation
	Nonce        uint32 // of the request
	Ring         MembershipID
	RingSeconds  uint32 // since it was installed
	ConfHash     uint32
	RoundMicros  uint32 // mean time of a token round lately
	LateMicros   uint32 // by how much the daemon was descheduled recently
	Sessions     uint32
	Groups       uint32
	Behind       uint32 // sessions that do not keep up
	Installed    uint32 // changes of membership
	WaitingBytes uint64
	DroppedSlow  uint64 // sessions ended because they did not read
	MemoryUsed   uint64
	MemoryMax    uint64
	Suspicious   uint64 // datagrams refused
	Messages     uint64 // delivered
	Sent         uint64 // packets
	Received     uint64
	Retrans      uint64
	Configured   uint16 // daemons in the configuration
	First        uint16 // rank of the first in Peers
}

// PeerSummary is how the daemon hears another, its fields in the order of the wire. Counters wrap.
type PeerSummary struct {
	State       uint8  // PeerMember and so on
	Reason      uint8  // PeerSilent and so on, 0 for a member; plus 16 and 32 for requests of monitors, 64 and 128 for form tokens
	LossPermyle uint16 // packets of it that had to be sent again lately, of 10,000; LossUnknown
	LastMillis  uint32 // since its last datagram; NeverMillis
	SinceSecs   uint32 // for how long it is in that state
	Packets     uint32 // that arrived at once
	Missed      uint32 // that had to be sent again
	RoundMicros uint32 // round trip of the last request of a monitor on the daemon; 0 if unknown
	ID          DaemonID
}

// States and reasons of a PeerSummary.
const (
	PeerSelf      = 1
	PeerMember    = 2
	PeerMissing   = 3
	PeerNeverSeen = 4

	PeerNeverHeard         = 1
	PeerSilent             = 2
	PeerRefuses            = 3
	PeerOtherConfiguration = 4
	PeerStopped            = 5
	PeerApart              = 6

	// LossUnknown stands for no packets, NeverMillis for no datagram.
	LossUnknown = 1<<16 - 1
	NeverMillis = 1<<32 - 1
)

// Summary is an extended status.
type Summary struct {
	Status Status
	SummaryHead
	// Version is that of the program, Change the last change of membership. They are cut to 64 and
	// 200 bytes.
	Version, Change string
	Peers           []PeerSummary
	// Keys is nil in answers of version 1.
	Keys *SummaryKeys
}

// SummaryKeys is the state of a daemon's ring keys, its fields in the order of the wire. All of it is 0
// in a daemon without keys, but for the flags.
type SummaryKeys struct {
	InUse uint32 // id of the key that it seals with
	Known uint32 // CRC-32 (IEEE) of the ids of the keys that it has, in ascending order, each in little-endian
	Flags uint16 // KeysSendPlain and KeysAcceptPlain
}

// Flags of SummaryKeys.
const (
	KeysSendPlain   = 1 // datagrams leave as they are
	KeysAcceptPlain = 2 // plain datagrams are accepted
)

// Append appends the answer as a datagram that is at most as long as limit allows, and never longer
// than 1400 bytes. It leaves out the last peers if there is no room. It returns b if not even the
// rest has room.
func (s *Summary) Append(b []byte, limit int) []byte {
	version, change := cut(s.Version, maxSummaryVersion), cut(s.Change, maxSummaryChange)
	fixed := PacketHeaderLen + StatusLen + summaryFixed + len(version) + len(change)
	format := uint16(1)
	if s.Keys != nil {
		format = summaryVersion
		fixed += summaryKeysLen
	}
	room := min(limit, maxSummary) - fixed
	if room < 0 {
		return b
	}
	peers := s.Peers[:min(len(s.Peers), room/peerSummaryLen)]
	p := Packet{Type: PacketStatus, Proc: s.Status.Self}
	b = p.AppendHeader(b, fixed-PacketHeaderLen+len(peers)*peerSummaryLen)
	o := binary.LittleEndian
	b, _ = binary.Append(b, o, &s.Status) // all fields have fixed sizes, here and below
	b = append(b, summaryMagic...)
	b = o.AppendUint16(b, format)
	b, _ = binary.Append(b, o, &s.SummaryHead)
	b = o.AppendUint16(b, uint16(len(peers)))
	b = o.AppendUint16(b, uint16(len(version)))
	b = o.AppendUint16(b, uint16(len(change)))
	b = append(append(b, version...), change...)
	for i := range peers {
		b, _ = binary.Append(b, o, &peers[i])
	}
	if s.Keys != nil {
		b, _ = binary.Append(b, o, s.Keys)
	}
	return b
}

// cut returns at most n bytes of a text.
func cut(s string, n int) string { return s[:min(len(s), n)] }

// Decode reads an extended status from a packet of type PacketStatus. A plain report is an error.
// Versions above 2 may have more behind what is known here.
func (s *Summary) Decode(p *Packet) error {
	*s = Summary{}
	fail := func(at int, why error) error {
		*s = Summary{}
		return &DecodeError{"summary", PacketHeaderLen + at, why}
	}
	b, o := p.Body, binary.LittleEndian
	switch {
	case len(b) < StatusLen+summaryFixed:
		return fail(len(b), ErrShort)
	case p.ByteOrder == BigEndian, string(b[StatusLen:StatusLen+4]) != summaryMagic, o.Uint16(b[StatusLen+4:]) == 0:
		return fail(StatusLen, ErrForm)
	}
	at := StatusLen + 6
	n, _ := binary.Decode(b[:StatusLen], o, &s.Status)
	m, _ := binary.Decode(b[at:], o, &s.SummaryHead)
	if at += m; n != StatusLen || at+6 != StatusLen+summaryFixed {
		return fail(at, ErrForm)
	}
	peers, version, change := int(o.Uint16(b[at:])), int(o.Uint16(b[at+2:])), int(o.Uint16(b[at+4:]))
	at += 6
	if version > maxSummaryVersion || change > maxSummaryChange || peers > MaxMembersOfList {
		return fail(at-6, ErrLength)
	}
	if len(b) < at+version+change+peers*peerSummaryLen {
		return fail(at, ErrShort)
	}
	s.Version, s.Change = string(b[at:at+version]), string(b[at+version:at+version+change])
	at += version + change
	if peers > 0 {
		s.Peers = make([]PeerSummary, peers)
	}
	for i := range s.Peers {
		m, _ := binary.Decode(b[at:], o, &s.Peers[i])
		at += m
	}
	if o.Uint16(b[StatusLen+4:]) < summaryVersion {
		return nil
	}
	s.Keys = new(SummaryKeys)
	if m, _ := binary.Decode(b[at:], o, s.Keys); m != summaryKeysLen {
		return fail(at, ErrShort)
	}
	return nil
}
