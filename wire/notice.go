package wire

import "encoding/binary"

// Notices are an extension of ours (client-protocol §17): a daemon explains to a client what happens
// to its session and to the ring. The client asks for them with a regular message to [NoticeGroup]
// alone, which a daemon that knows notices does not pass on, and for which no other daemon finds a
// receiver. A notice is a regular message from [NoticeGroup] to no group. Its payload, little-endian:
//
//	offset  size  field
//	     0     1  version of the layout: 1
//	     1     1  kind
//	     2     1  cause, of an ending: 1 illegal header, 2 shutdown
//	     3     5  0
//	     8     8  of a change: time that it took, in µs; otherwise bytes that wait for the client
//	    16     8  of a change: packets that were lost; otherwise the bound of those bytes
//	    24     …  one sentence for people, UTF-8, without a line end
const (
	offNoticeVersion = 0
	offNoticeKind    = 1
	offNoticeCause   = 2
	offNoticeValue   = 8
	offNoticeLimit   = 16
	noticeLen        = 24

	noticeVersion = 1
	// MaxNotice bounds the payload of a notice.
	MaxNotice = 4 << 10
)

// NoticeKind says what a notice is about.
type NoticeKind uint8

// The kinds of notices.
const (
	// NoticeChange: a new membership of the daemons was installed.
	NoticeChange NoticeKind = 1 + iota // change
	// NoticeSlow: the client is about to be disconnected because it does not read.
	NoticeSlow // slow
	// NoticeEnding: the session ends.
	NoticeEnding // ending
)

// NoticeCause says why a session ends.
type NoticeCause uint8

// The causes.
const (
	// EndingIllegal: the client sent a header that the protocol forbids.
	EndingIllegal NoticeCause = 1 + iota // illegal header
	// EndingShutdown: the daemon stops.
	EndingShutdown // shutdown
)

// Notice is what a daemon tells a client that has asked for notices.
type Notice struct {
	Kind  NoticeKind
	Cause NoticeCause // of NoticeEnding
	// Value is the time that a change took, in microseconds, or the bytes that wait for the client.
	Value int64
	// Limit is the number of packets that were lost in a change, or the bound of the bytes that wait.
	Limit int64
	Text  []byte
}

// NoticeGroup is where clients ask for notices, and who sends them. It has the form of a private
// group, so that C daemons look for a daemon of that name, find none, and pass the request to nobody.
func NoticeGroup() Name { return MakeName("#notices#$spreadd") }

// IsNoticeRequest reports whether a whole message with a checked header asks for notices.
func IsNoticeRequest(h *Header, b []byte) bool {
	return h.NumGroups == 1 && h.Type.IsRegular() && b[HeaderLen] == '#' && Name(b[HeaderLen:HeaderLen+NameLen]).Clean() == NoticeGroup()
}

// IsNotice reports whether a message is a notice.
func (m *Message) IsNotice() bool {
	return m.NumGroups == 0 && m.Type.IsRegular() && m.Sender == NoticeGroup()
}

// NoticeRequest returns the message with which the client self asks for notices.
func NoticeRequest(self Name) []byte {
	group := NoticeGroup()
	m := Message{
		Header:      Header{Type: Reliable, Sender: self, Hint: MakeHint(0)},
		GroupFields: group[:],
		Payload:     []byte{noticeVersion},
	}
	return m.Append(nil)
}

// Message returns the notice as a whole message.
func (n *Notice) Message() []byte {
	p := make([]byte, noticeLen, noticeLen+len(n.Text))
	p[offNoticeVersion], p[offNoticeKind], p[offNoticeCause] = noticeVersion, byte(n.Kind), byte(n.Cause)
	binary.LittleEndian.PutUint64(p[offNoticeValue:], uint64(n.Value))
	binary.LittleEndian.PutUint64(p[offNoticeLimit:], uint64(n.Limit))
	m := Message{
		Header:  Header{Type: Reliable, Sender: NoticeGroup(), Hint: MakeHint(0)},
		Payload: append(p, n.Text[:min(len(n.Text), MaxNotice-noticeLen)]...),
	}
	return m.Append(nil)
}

// Decode reads the payload of a notice. Text points into it. Later versions add kinds, and fields
// behind the text only if the version changes.
func (n *Notice) Decode(payload []byte) error {
	switch {
	case len(payload) < noticeLen:
		return &DecodeError{"notice", len(payload), ErrShort}
	case payload[offNoticeVersion] != noticeVersion:
		return &DecodeError{"notice version", offNoticeVersion, ErrForm}
	}
	*n = Notice{
		Kind:  NoticeKind(payload[offNoticeKind]),
		Cause: NoticeCause(payload[offNoticeCause]),
		Value: int64(binary.LittleEndian.Uint64(payload[offNoticeValue:])),
		Limit: int64(binary.LittleEndian.Uint64(payload[offNoticeLimit:])),
		Text:  payload[noticeLen:],
	}
	return nil
}
