package wire

import "encoding/binary"

// Control packets between monitors and daemons (monitor-protocol). The low 16 bits of a request's
// Seq are the port for the reply.

// StatusLen is the size of a status report, without its header.
const StatusLen = 96

// Status is a daemon's report to a monitor (monitor-protocol §4), its fields in the order of the
// wire. Counters wrap.
type Status struct {
	Seconds                                  int32 // since the daemon started
	State                                    int32 // of the membership, 1 to 6
	GroupState                               int32 // of the groups, 1 to 4
	PacketsSent                              int32
	PacketsReceived                          int32
	PacketsDelivered                         int32
	Retrans                                  int32
	RetransDaemon, RetransSegment            int32
	RetransAll                               int32
	Aru, MyAru, HighestSeq                   int32
	TokenHurries, TokenRounds                int32
	Self, Leader                             DaemonID
	MessagesDelivered                        int32
	MembershipChanges                        int16
	Daemons, Segments                        int16
	Window, PersonalWindow                   int16
	Accelerated                              int16 // 0 or 1
	AcceleratedWindow                        int16
	Sessions, Groups                         int16
	MajorVersion, MinorVersion, PatchVersion int16
}

// Append appends the report as a datagram, in little-endian order. It sets only the type, the
// daemon and the length of the header.
func (s *Status) Append(b []byte) []byte {
	p := Packet{Type: PacketStatus, Proc: s.Self}
	b, _ = binary.Append(p.AppendHeader(b, StatusLen), binary.LittleEndian, s) // all fields have fixed sizes
	return b
}

// Decode reads the report from a packet of type PacketStatus.
func (s *Status) Decode(p *Packet) error {
	*s = Status{}
	if len(p.Body) != StatusLen {
		return &DecodeError{"status report", PacketHeaderLen, ErrLength}
	}
	var o binary.ByteOrder = binary.LittleEndian
	if p.ByteOrder == BigEndian {
		o = binary.BigEndian
	}
	_, err := binary.Decode(p.Body, o, s)
	return err
}

// KillComponent in a partition map asks the daemon at its place to exit.
const KillComponent int16 = -1

// PartitionMap returns the components of the first n daemons of the configuration, from a packet of
// type PacketPartition (monitor-protocol §5).
func (p *Packet) PartitionMap(n int) ([]int16, error) {
	if len(p.Body) < 2*n {
		return nil, &DecodeError{"partition map", PacketHeaderLen, ErrShort}
	}
	m := make([]int16, n)
	for i := range m {
		m[i] = int16(p.ByteOrder.Uint16(p.Body[2*i:]))
	}
	return m, nil
}

// Unchanged in a flow control packet leaves a window unchanged.
const Unchanged int16 = -1

// Windows are the flow control settings that a monitor asks for. Unchanged leaves one as it is.
type Windows struct{ Window, Personal, Accelerated int16 }

// FlowControl returns the windows for daemon rank of n, from a packet of type PacketFlowControl
// (monitor-protocol §6). With MaxMembersOfList daemons there is no room for the ring's window,
// which is then Unchanged.
func (p *Packet) FlowControl(rank, n int) (Windows, error) {
	const row = 4
	w := Windows{Window: Unchanged}
	if len(p.Body) < row*n {
		return w, &DecodeError{"flow control", PacketHeaderLen, ErrShort}
	}
	at := func(i, column int) int16 { return int16(p.ByteOrder.Uint16(p.Body[row*i+2*column:])) }
	w.Personal, w.Accelerated = at(rank, 0), at(rank, 1)
	if len(p.Body) >= row*(n+1) {
		w.Window = at(n, 0)
	}
	return w, nil
}

// monitorDaemons is the number of daemons that the bodies of monitors' packets have room for. They
// all have one length, whatever the configuration.
const monitorDaemons = 128

// AppendPartitionMap appends the body of a packet of type PacketPartition: the components of at
// most 128 daemons in configuration order (monitor-protocol §5). KillComponent asks a daemon to
// exit.
func (o ByteOrder) AppendPartitionMap(b []byte, components []int16) []byte {
	for i := range monitorDaemons {
		var c int16
		if i < len(components) {
			c = components[i]
		}
		b = o.AppendUint16(b, uint16(c))
	}
	return b
}

// AppendFlowControl appends the body of a packet of type PacketFlowControl: the ring's window, and
// the other windows of at most 128 daemons in configuration order (monitor-protocol §6). With 128
// daemons there is no room for the ring's window, and it is left out. The Window of a daemon is
// ignored.
func (o ByteOrder) AppendFlowControl(b []byte, window int16, daemons []Windows) []byte {
	for i := range monitorDaemons {
		personal, accelerated := Unchanged, Unchanged
		switch {
		case i < len(daemons):
			personal, accelerated = daemons[i].Personal, daemons[i].Accelerated
		case i == len(daemons):
			personal = window
		}
		b = o.AppendUint16(b, uint16(personal))
		b = o.AppendUint16(b, uint16(accelerated))
	}
	return b
}
