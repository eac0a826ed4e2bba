package main

import (
	"errors"
	"time"
	"unicode/utf8"

	"github.com/spreadd/spreadd/spread"
)

// record is one line of the output of -json. Fields that an event does not have are omitted. Fields
// may be added; existing ones keep their names and meanings.
type record struct {
	// Event is "connected", "message", "membership", "rejected", "notice", "unknown", "sent", "poll",
	// "error" or "closed", and with -k also "disconnected" or "slow".
	Event string `json:"event"`
	// Time is when the line was printed, in RFC 3339 with nanoseconds.
	Time time.Time `json:"time"`

	// Daemon is the daemon's address as given, Version its version, PrivateGroup the name of this
	// connection: connected.
	Daemon       string `json:"daemon,omitempty"`
	Version      string `json:"version,omitempty"`
	PrivateGroup string `json:"private_group,omitempty"`

	// Service is a word such as "SAFE": message, rejected, sent.
	Service     string `json:"service,omitempty"`
	SelfDiscard bool   `json:"self_discard,omitempty"`
	// Sender is a private group: message, rejected, unknown.
	Sender string `json:"sender,omitempty"`
	// Groups are the targets: message, rejected, unknown, sent.
	Groups []string `json:"groups,omitempty"`
	// Type is the application's number: message, rejected, unknown, sent.
	Type *int16 `json:"type,omitempty"`
	// EndianMismatch is true for a sender with the other byte order.
	EndianMismatch bool `json:"endian_mismatch,omitempty"`
	// Bytes is the size of the payload, or the number of waiting bytes: message, rejected, sent,
	// poll.
	Bytes *int `json:"bytes,omitempty"`
	// Payload is the payload if it is valid UTF-8; otherwise it is in PayloadBase64.
	Payload       *string `json:"payload,omitempty"`
	PayloadBase64 []byte  `json:"payload_base64,omitempty"`
	// Envelope describes log lines of logpub, which the payload then consists of: message. With
	// -raw it is part of the payload.
	Envelope *recordLines `json:"envelope,omitempty"`
	// Request is "join", "leave" or "multicast": rejected.
	Request string `json:"request,omitempty"`
	// Kind is the protocol's type word: unknown.
	Kind uint32 `json:"kind,omitempty"`

	// Cause is also the kind of a notice: "change", "slow" or "ending".
	//
	// Group, Cause, ID (three numbers), Members, Index (the position of this connection, or -1),
	// Changed and Sets describe a view as spread.Membership does: membership.
	Group   string      `json:"group,omitempty"`
	Cause   string      `json:"cause,omitempty"`
	ID      *[3]uint32  `json:"id,omitempty"`
	Members []string    `json:"members,omitempty"`
	Index   *int        `json:"index,omitempty"`
	Changed string      `json:"changed,omitempty"`
	Sets    []recordSet `json:"sets,omitempty"`

	// Op, Code, Name and Text describe a failure: error. Code and Name are libspread's and omitted
	// if it has none. Text is also the reason of closed and
	// the sentence of a notice.
	Op   string `json:"op,omitempty"`
	Code int    `json:"code,omitempty"`
	Name string `json:"name,omitempty"`
	Text string `json:"text,omitempty"`
}

// recordSet is a virtual synchrony set in a [record].
type recordSet struct {
	Own     bool     `json:"own"`
	Members []string `json:"members"`
}

// eventRecord returns an event as a record.
func eventRecord(e spread.Event, raw bool) record {
	switch e := e.(type) {
	case *spread.Message:
		r := messageRecord("message", e)
		if !raw {
			r.setPayload(r.openEnvelope(e.Payload))
		}
		return r
	case *spread.Rejected:
		r := messageRecord("rejected", &e.Message)
		r.Request = e.Request.String()
		return r
	case *spread.Membership:
		r := record{
			Event: "membership", Group: e.Group, Cause: e.Cause.String(),
			Members: e.Members, Changed: e.Changed,
		}
		if e.Cause != spread.SelfLeave {
			r.ID = &[3]uint32{e.ID.Daemon, e.ID.Time, e.ID.Index}
		}
		if e.Regular() {
			r.Index = &e.Index
		}
		for _, set := range e.Sets {
			r.Sets = append(r.Sets, recordSet{set.Own, set.Members})
		}
		return r
	case *spread.Notice:
		return record{Event: "notice", Cause: e.Kind.String(), Text: e.Text}
	case *spread.Unknown:
		r := record{Event: "unknown", Kind: e.Kind, Sender: e.Sender, Groups: e.Groups, Type: &e.Type}
		r.setPayload(e.Payload)
		return r
	default:
		return clientRecord(e)
	}
}

func messageRecord(event string, m *spread.Message) record {
	r := record{
		Event: event, SelfDiscard: m.SelfDiscard, Sender: m.Sender, Groups: m.Groups,
		Type: &m.Type, EndianMismatch: m.EndianMismatch,
	}
	if m.Service != 0 {
		r.Service = m.Service.String()
	}
	r.setPayload(m.Payload)
	return r
}

func (r *record) setPayload(payload []byte) {
	if r.Bytes == nil {
		n := len(payload)
		r.Bytes = &n
	}
	r.Payload, r.PayloadBase64 = nil, nil
	if utf8.Valid(payload) {
		text := string(payload)
		r.Payload = &text
		return
	}
	r.PayloadBase64 = payload
}

func errorRecord(err error) record {
	r := record{Event: "error", Text: err.Error()}
	if e, ok := errors.AsType[*spread.Error](err); ok {
		r.Op = e.Op
	}
	if code := spread.CodeOf(err); code != 0 {
		r.Code, r.Name = int(code), code.Name()
	}
	return r
}
