package main

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/spreadd/spreadd/internal/envelope"
)

// isControl reports whether a payload is a control message of publishers and log hosts.
func isControl(payload []byte) bool { return bytes.HasPrefix(payload, []byte(envelope.ControlMagic)) }

// linesOf returns the log lines of a message that logpub sent in an envelope, each with its
// publisher and number in front, and other messages as they are.
func linesOf(payload []byte) []byte {
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

// recordLines is what an envelope says, in a [record].
type recordLines struct {
	Publisher string `json:"publisher"`
	Epoch     uint64 `json:"epoch"`
	Stream    uint32 `json:"stream"`
	First     uint64 `json:"first"` // number of the first line
}

// openEnvelope leaves only the lines of a payload that has an envelope, which the record then
// describes.
func (r *record) openEnvelope(payload []byte) []byte {
	var h envelope.Header
	lines, err := h.Decode(payload)
	if err != nil {
		return payload
	}
	r.Envelope = &recordLines{h.Publisher, h.Epoch, h.Stream, h.Seq}
	return lines
}
