package envelope

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

const (
	magic     = "\xffLP\x01"
	offLength = len(magic)
	offName   = offLength + 1
	fixedLen  = 20 // epoch, stream and number
	offStream = 8
	offSeq    = 12

	// MaxPublisher is the longest name of a publisher in bytes.
	MaxPublisher = 64

	// ControlMagic begins the control messages of publishers and log hosts, which share the groups of the lines
	// (log-protocol §1). The version follows.
	ControlMagic = "\xffLC"
)

// Errors of Decode.
var (
	// ErrNone means that a message has no envelope: it is a line as it is.
	ErrNone = errors.New("no envelope")
	// ErrControl means that a message has no lines: publishers and log hosts exchange it.
	ErrControl = errors.New("control message of publishers and log hosts")
	// ErrVersion means an envelope of a version to come.
	ErrVersion = errors.New("unknown version of envelope")
	// ErrMalformed means that it begins as an envelope but is malformed.
	ErrMalformed = errors.New("malformed envelope")
)

// Header is what an envelope says.
type Header struct {
	Publisher string // 1 to MaxPublisher printable ASCII characters without a space
	Epoch     uint64
	Stream    uint32
	Seq       uint64 // number of the first line
}

// CheckPublisher reports whether a publisher can have a name.
func CheckPublisher(name string) error {
	ok := len(name) >= 1 && len(name) <= MaxPublisher
	for _, c := range []byte(name) {
		ok = ok && c > ' ' && c <= '~'
	}
	if !ok {
		return fmt.Errorf("invalid publisher %q (want 1 to %d printable ASCII characters without spaces)", name, MaxPublisher)
	}
	return nil
}

// Len returns the length of an envelope of a publisher.
func Len(publisher string) int { return offName + len(publisher) + fixedLen }

// Append appends the envelope, behind which the lines go. The name has to be one
// that CheckPublisher takes.
func (h *Header) Append(b []byte) []byte {
	b = append(b, magic...)
	b = append(b, byte(len(h.Publisher)))
	b = append(b, h.Publisher...)
	b = binary.BigEndian.AppendUint64(b, h.Epoch)
	b = binary.BigEndian.AppendUint32(b, h.Stream)
	return binary.BigEndian.AppendUint64(b, h.Seq)
}

// Origin names the stream that a line belongs to: the publisher, one of its lives, and one
// of its lists of groups.
type Origin struct {
	Publisher string
	Epoch     uint64
	Stream    uint32
}

// Key returns what Split returns for messages of the stream.
func (o *Origin) Key() string {
	b := append([]byte{byte(len(o.Publisher))}, o.Publisher...)
	b = binary.BigEndian.AppendUint64(b, o.Epoch)
	return string(binary.BigEndian.AppendUint32(b, o.Stream))
}

// ParseOrigin reads a key. The error is ErrMalformed.
func ParseOrigin(key []byte) (Origin, error) {
	n := len(key) - offSeq - 1
	if n < 1 || n > MaxPublisher || int(key[0]) != n {
		return Origin{}, ErrMalformed
	}
	o := Origin{
		Publisher: string(key[1 : 1+n]),
		Epoch:     binary.BigEndian.Uint64(key[1+n:]),
		Stream:    binary.BigEndian.Uint32(key[1+n+offStream:]),
	}
	if CheckPublisher(o.Publisher) != nil {
		return Origin{}, ErrMalformed
	}
	return o, nil
}

// Split takes a message apart without a look at the publisher's name: key is that of the stream, for
// [ParseOrigin], and seq the number of the first line. Key and lines point into the message. The errors are those
// of [Header.Decode].
func Split(message []byte) (key []byte, seq uint64, lines []byte, err error) {
	if len(message) < offLength || string(message[:offLength-1]) != magic[:offLength-1] {
		if bytes.HasPrefix(message, []byte(ControlMagic)) {
			return nil, 0, nil, ErrControl
		}
		return nil, 0, message, ErrNone
	}
	if message[offLength-1] != magic[offLength-1] {
		return nil, 0, nil, ErrVersion
	}
	if len(message) < offName {
		return nil, 0, nil, ErrMalformed
	}
	n := int(message[offLength])
	if n < 1 || n > MaxPublisher || len(message) < offName+n+fixedLen {
		return nil, 0, nil, ErrMalformed
	}
	b := message[offName+n:]
	lines = b[fixedLen:]
	if len(lines) == 0 || lines[len(lines)-1] != '\n' {
		return nil, 0, nil, ErrMalformed
	}
	return message[offLength : offName+n+offSeq], binary.BigEndian.Uint64(b[offSeq:]), lines, nil
}

// Publisher returns the name of the publisher that a message claims to be from: one with lines in an
// envelope, or a question of a publisher (log-protocol §3.1). claims is false for all other messages. The
// name is empty if it cannot be read; it points into the message.
func Publisher(message []byte) (name []byte, claims bool) {
	key, _, _, err := Split(message)
	switch {
	case err == nil:
		return key[1 : len(key)-offSeq], true
	case errors.Is(err, ErrNone):
		return nil, false
	case !errors.Is(err, ErrControl):
		return nil, true
	}
	body, known := bytes.CutPrefix(message, []byte(ControlMagic+"\x01"))
	if !known {
		return nil, true
	}
	body, ask := bytes.CutPrefix(body, []byte{controlAsk})
	if !ask {
		return nil, false
	}
	n, size := binary.Uvarint(body)
	if size <= 0 || n > MaxPublisher || int(n) > len(body)-size {
		return nil, true
	}
	return body[size : size+int(n)], true
}

// controlAsk is the kind of a publisher's questions.
const controlAsk = 1

// Decode reads the envelope of a message and returns the lines behind it, which point into
// it. If the error is ErrNone, lines is the whole message; with the others it is nil.
func (h *Header) Decode(message []byte) (lines []byte, err error) {
	key, seq, lines, err := Split(message)
	if err != nil {
		return lines, err
	}
	n := int(key[0])
	if name := key[1 : 1+n]; h.Publisher != string(name) {
		if err := CheckPublisher(string(name)); err != nil {
			return nil, ErrMalformed
		}
		h.Publisher = string(name)
	}
	h.Epoch = binary.BigEndian.Uint64(key[1+n:])
	h.Stream = binary.BigEndian.Uint32(key[1+n+offStream:])
	h.Seq = seq
	return lines, nil
}
