package seal

import (
	"encoding/binary"

	"github.com/spreadd/spreadd/wire"
)

// Header of a sealed datagram (sealing §1), big-endian:
//
//	offset  size  field
//	     0     2  mark, d3 53
//	     2     1  version
//	     3     1  kind
//	     4     4  key id
//	     8     4  sender
//	    12     4  configuration hash
//	    16     8  boot
//	    24     8  counter
const (
	offVersion = 2
	offKind    = 3
	offKey     = 4
	offSender  = 8
	offHash    = 12
	offBoot    = 16
	offCounter = 24

	// HeaderLen is the length of the header in bytes.
	HeaderLen = 32
	tagLen    = 16
	// Overhead is how much longer a sealed datagram is.
	Overhead = HeaderLen + tagLen

	mark0, mark1 = 0xd3, 0x53
	version      = 1
	nonceLen     = 12
)

// Kind is what a sealed datagram is (sealing §2).
type Kind uint8

// The kinds.
const (
	KindPacket         Kind = 1 // a packet, to the data port
	KindToken          Kind = 2 // a token, to the token port
	KindControl        Kind = 3 // between daemons
	KindRequest        Kind = 4 // of a monitor
	KindReport         Kind = 5 // to a monitor
	KindMonitorControl Kind = 6 // of a monitor
	KindMonitorAnswer  Kind = 7 // to a monitor

	numKinds = 8

	toSegment Kind = 0x40
)

// role returns who sends datagrams of a kind.
func (k Kind) role() Role {
	if k == KindRequest || k == KindMonitorControl {
		return Monitor
	}
	return Daemon
}

// control reports whether the sealed data is for the node itself.
func (k Kind) control() bool {
	return k == KindControl || k == KindMonitorControl || k == KindMonitorAnswer
}

// ordered reports whether a datagram is refused after a later one of its kind, so that nobody can
// keep it back for a time at which it does harm.
func (k Kind) ordered() bool { return k == KindToken || k == KindRequest || k.control() }

// Port is where datagrams arrive, which says what kinds are valid there.
type Port uint8

// The ports.
const (
	DataPort Port = iota
	TokenPort
	MonitorPort
)

func (p Port) takes(k Kind) bool {
	switch k {
	case KindPacket, KindControl, KindRequest, KindMonitorControl:
		return p == DataPort
	case KindToken:
		return p == TokenPort
	case KindReport, KindMonitorAnswer:
		return p == MonitorPort
	default:
		return false
	}
}

// Marked reports whether a datagram is sealed. No plain datagram has the mark.
func Marked(b []byte) bool { return len(b) >= 4 && b[0] == mark0 && b[1] == mark1 && b[3] < 0x80 }

// Sender returns who a sealed datagram says that it is from.
func Sender(b []byte) (id wire.DaemonID, ok bool) {
	var h header
	ok = h.decode(b)
	return h.sender, ok
}

type header struct {
	kind    Kind // without toSegment
	segment bool
	key     KeyID
	sender  wire.DaemonID
	hash    uint32
	boot    uint64
	counter uint64
}

func (h *header) append(b []byte) []byte {
	k := h.kind
	if h.segment {
		k |= toSegment
	}
	b = append(b, mark0, mark1, version, byte(k))
	b = binary.BigEndian.AppendUint32(b, uint32(h.key))
	b = binary.BigEndian.AppendUint32(b, uint32(h.sender))
	b = binary.BigEndian.AppendUint32(b, h.hash)
	b = binary.BigEndian.AppendUint64(b, h.boot)
	return binary.BigEndian.AppendUint64(b, h.counter)
}

// decode reads a header. It reports false if the datagram is too short, or not of this version.
func (h *header) decode(b []byte) bool {
	if len(b) < Overhead || !Marked(b) || b[offVersion] != version {
		return false
	}
	k := Kind(b[offKind])
	*h = header{
		kind: k &^ toSegment, segment: k&toSegment != 0,
		key:    KeyID(binary.BigEndian.Uint32(b[offKey:])),
		sender: wire.DaemonID(binary.BigEndian.Uint32(b[offSender:])),
		hash:   binary.BigEndian.Uint32(b[offHash:]),
		boot:   binary.BigEndian.Uint64(b[offBoot:]), counter: binary.BigEndian.Uint64(b[offCounter:]),
	}
	return true
}
