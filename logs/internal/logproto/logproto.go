package logproto

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/logs/internal/fields"
)

const (
	version = 1
	head    = envelope.ControlMagic + "\x01"
)

// Limits of a message.
const (
	// MaxEpochs is how many epochs an ask may list.
	MaxEpochs = 256
	// MaxStreams is how many streams the epochs of an ask may have together.
	MaxStreams = 4096
	// MaxReceipts is how many receipts an ack may have.
	MaxReceipts = 1024
	// MaxSpans is how many spans the receipts of an ack may have together.
	MaxSpans = 8192
	// MaxAddress is the longest address of a hello in bytes.
	MaxAddress = 255
)

// Errors of Split and of the messages' Decode.
var (
	// ErrNone means that a message is no control message.
	ErrNone = errors.New("no control message")
	// ErrVersion means a control message of a later version.
	ErrVersion = errors.New("unknown version of control message")
	// ErrMalformed means that it begins as a control message but is malformed.
	ErrMalformed = errors.New("malformed control message")
)

// Kind says which control message it is. Ignore unknown kinds: later versions may have more.
type Kind byte

// The kinds.
const (
	KindAsk   Kind = 1
	KindAck   Kind = 2
	KindHello Kind = 3
)

// Split returns the kind of a control message, and its body for the Decode of that kind.
func Split(message []byte) (kind Kind, body []byte, err error) {
	n := len(envelope.ControlMagic)
	switch {
	case len(message) < n || string(message[:n]) != envelope.ControlMagic:
		return 0, nil, ErrNone
	case len(message) < n+2:
		return 0, nil, ErrMalformed
	case message[n] != version:
		return 0, nil, ErrVersion
	}
	return Kind(message[n+1]), message[n+2:], nil
}

// Ask is a publisher's question which of its lines are written. It goes to the list of groups that the lines of its streams go to,
// on the same connection and behind them.
type Ask struct {
	Publisher string // see [envelope.CheckPublisher]
	// Number identifies the ask in receipts. It is not 0, and grows from ask to ask of a process.
	Number uint64
	// Epochs are those of the publisher that had lines for these groups, oldest first. An epoch that ended, and whose lines are
	// all forgotten, is listed so that log hosts learn how far its numbers went.
	Epochs []Epoch
}

// Epoch is one life of a publisher.
type Epoch struct {
	Epoch uint64
	// Ended means that there will be no lines beyond those that the streams have.
	Ended   bool
	Streams []Stream
}

// Stream is what a publisher knows about a stream of lines.
type Stream struct {
	Stream uint32
	// Kept is the lowest number that the publisher can still send. It is Next if no line is kept.
	Kept uint64
	// Next is the number behind the last line that was sent before the ask.
	Next uint64
}

// Ack says which lines a log host has written.
type Ack struct {
	Host     string // name of the log host; see [envelope.CheckPublisher]
	Instance uint64 // a random number of its process
	Receipts []Receipt
	// Store is a random number that was made with the indexes of its files and is lost with them; 0 if it has none, or does not say.
	Store uint64
}

// Receipt is the part of an ack about one stream.
type Receipt struct {
	envelope.Origin
	// Ask is the number of the ask that this answers; 0 if it answers none.
	Ask uint64
	// Until ends the answer to Ask: below it, what is in no span is not written, and will not be unless it is sent again. At
	// Until and above, the receipt says nothing about numbers outside of its spans.
	Until uint64
	// Spans are numbers that are written, or left out on purpose; ascending and apart from each other.
	Spans []envelope.Span
}

// Hello introduces a log host to the other log hosts of a group.
type Hello struct {
	Host     string // name of the log host; see [envelope.CheckPublisher]
	Instance uint64 // a random number of its process
	Address  string // where it serves its lines over TCP, as host:port; empty if it does not
}

// Append appends the message.
func (a *Ask) Append(b []byte) []byte {
	b = append(append(b, head...), byte(KindAsk))
	b = fields.AppendString(b, a.Publisher)
	b = binary.AppendUvarint(b, a.Number)
	b = binary.AppendUvarint(b, uint64(len(a.Epochs)))
	for i := range a.Epochs {
		e := &a.Epochs[i]
		b = binary.AppendUvarint(b, e.Epoch)
		b = append(b, flag(e.Ended))
		b = binary.AppendUvarint(b, uint64(len(e.Streams)))
		for _, s := range e.Streams {
			b = binary.AppendUvarint(b, uint64(s.Stream))
			b = binary.AppendUvarint(b, s.Kept)
			b = binary.AppendUvarint(b, s.Next-s.Kept)
		}
	}
	return b
}

func flag(is bool) byte {
	if is {
		return 1
	}
	return 0
}

// Decode reads the body of an ask. The error is ErrMalformed.
func (a *Ask) Decode(body []byte) error {
	r := fields.Reader{Rest: body}
	*a = Ask{Publisher: name(&r), Number: r.Uvarint()}
	if a.Number == 0 {
		r.Fail()
	}
	epochs, left := r.UpTo(MaxEpochs), uint64(MaxStreams)
	for range epochs {
		e := Epoch{Epoch: r.Uvarint()}
		switch r.Byte() {
		case 0:
		case 1:
			e.Ended = true
		default:
			r.Fail()
		}
		streams := r.UpTo(left)
		left -= streams
		for range streams {
			s := Stream{Stream: uint32(r.UpTo(math.MaxUint32)), Kept: r.Uvarint()}
			s.Next = s.Kept + r.UpTo(math.MaxUint64-s.Kept)
			if r.Bad {
				return ErrMalformed
			}
			e.Streams = append(e.Streams, s)
		}
		if r.Bad {
			return ErrMalformed
		}
		a.Epochs = append(a.Epochs, e)
	}
	return result(&r)
}

// Append appends the message. Receipts of one publisher in a row have its name once.
func (a *Ack) Append(b []byte) []byte {
	b = append(append(b, head...), byte(KindAck))
	b = fields.AppendString(b, a.Host)
	b = binary.AppendUvarint(b, a.Instance)
	b = binary.AppendUvarint(b, uint64(len(a.Receipts)))
	publisher := ""
	for i := range a.Receipts {
		r := &a.Receipts[i]
		if r.Publisher == publisher {
			b = append(b, 0)
		} else {
			b = fields.AppendString(b, r.Publisher)
			publisher = r.Publisher
		}
		b = binary.AppendUvarint(b, r.Epoch)
		b = binary.AppendUvarint(b, uint64(r.Stream))
		b = binary.AppendUvarint(b, r.Ask)
		b = binary.AppendUvarint(b, r.Until)
		b = binary.AppendUvarint(b, uint64(len(r.Spans)))
		next := uint64(0)
		for _, s := range r.Spans {
			b = binary.AppendUvarint(b, s.First-next)
			b = binary.AppendUvarint(b, s.Last-s.First)
			next = s.Last + 1
		}
	}
	return binary.AppendUvarint(b, a.Store)
}

// Decode reads the body of an ack. The error is ErrMalformed.
func (a *Ack) Decode(body []byte) error {
	r := fields.Reader{Rest: body}
	*a = Ack{Host: name(&r), Instance: r.Uvarint()}
	receipts, left := r.UpTo(MaxReceipts), uint64(MaxSpans)
	publisher := ""
	for range receipts {
		if len(r.Rest) > 0 && r.Rest[0] == 0 && publisher != "" {
			r.Byte()
		} else {
			publisher = name(&r)
		}
		to := Receipt{
			Origin: envelope.Origin{Publisher: publisher, Epoch: r.Uvarint(), Stream: uint32(r.UpTo(math.MaxUint32))},
			Ask:    r.Uvarint(), Until: r.Uvarint(),
		}
		spans := r.UpTo(left)
		left -= spans
		next := uint64(0)
		for i := range spans {
			first := r.UpTo(math.MaxUint64 - next)
			if i > 0 && first == 0 {
				r.Fail() // the spans touch, or the one before ends at the highest number
			}
			first += next
			last := first + r.UpTo(math.MaxUint64-first)
			if r.Bad {
				return ErrMalformed
			}
			to.Spans = append(to.Spans, envelope.Span{First: first, Last: last})
			next = last + 1
		}
		if r.Bad {
			return ErrMalformed
		}
		a.Receipts = append(a.Receipts, to)
	}
	if len(r.Rest) > 0 {
		a.Store = r.Uvarint()
	}
	return result(&r)
}

// Append appends the message.
func (h *Hello) Append(b []byte) []byte {
	b = append(append(b, head...), byte(KindHello))
	b = fields.AppendString(b, h.Host)
	b = binary.AppendUvarint(b, h.Instance)
	return fields.AppendString(b, h.Address)
}

// Decode reads the body of a hello. The error is ErrMalformed.
func (h *Hello) Decode(body []byte) error {
	r := fields.Reader{Rest: body}
	*h = Hello{Host: name(&r), Instance: r.Uvarint(), Address: r.String()}
	if len(h.Address) > MaxAddress {
		r.Fail()
	}
	return result(&r)
}

// name reads the name of a publisher or a log host.
func name(r *fields.Reader) string {
	b := r.Bytes()
	if len(b) > envelope.MaxPublisher || envelope.CheckPublisher(string(b)) != nil {
		r.Fail()
		return ""
	}
	return string(b)
}

func result(r *fields.Reader) error {
	if r.Bad {
		return ErrMalformed
	}
	return nil
}
