package recording

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/spreadd/spreadd/internal/envelope"
)

// IsControl reports whether a payload is a control message of publishers and log hosts.
func IsControl(payload []byte) bool { return bytes.HasPrefix(payload, []byte(envelope.ControlMagic)) }

// LinesOf returns the log lines of a message that logpub sent in an envelope, each with its
// publisher and number in front, and other messages as they are.
func LinesOf(payload []byte) []byte {
	var h envelope.Header
	lines, err := h.Decode(payload)
	if err != nil {
		return payload
	}
	text := []byte{'\n'}
	for line := range strings.Lines(string(lines)) {
		text = append(text, h.Publisher+" "...)
		text = strconv.AppendUint(text, h.Seq, 10)
		text = append(text, ": "+line...)
		h.Seq++
	}
	return text[:len(text)-1] // a newline follows each payload
}

// Lines is what an envelope says, in an [Event].
type Lines struct {
	Publisher string `json:"publisher"`
	Epoch     uint64 `json:"epoch"`
	Stream    uint32 `json:"stream"`
	First     uint64 `json:"first"` // number of the first line
}

// Open leaves only the lines of a message that has an envelope, which the event then describes.
func (r *Event) Open() {
	var h envelope.Header
	if r.Event != Message {
		return
	}
	lines, err := h.Decode(r.Data())
	if err != nil {
		return
	}
	r.Envelope = &Lines{h.Publisher, h.Epoch, h.Stream, h.Seq}
	r.setPayload(lines)
}
