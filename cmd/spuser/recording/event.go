package recording

import (
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spreadd/spreadd/spread"
)

// The events that this program looks at.
const (
	Message      = "message"
	Membership   = "membership"
	Connected    = "connected"
	Disconnected = "disconnected"
	Start        = "recording" // the first line of a recording
)

// Event is one line of JSON. Fields that an event does not have are omitted. Fields may be added;
// existing ones keep their names and meanings.
type Event struct {
	// Event is "connected", "message", "membership", "rejected", "notice", "unknown", "sent", "poll",
	// "error" or "closed", with a connection that comes back also "disconnected" or "slow", and
	// "recording" in the first line of a recording.
	Event string `json:"event"`
	// Time is when the line was written, in RFC 3339 with nanoseconds.
	Time time.Time `json:"time"`
	// Version of the format: recording.
	Format int `json:"format,omitempty"`

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
	// Groups are the targets: message, rejected, unknown, sent. Those that are joined: recording.
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
	Envelope *Lines `json:"envelope,omitempty"`
	// Request is "join", "leave" or "multicast": rejected.
	Request string `json:"request,omitempty"`
	// Kind is the protocol's type word: unknown.
	Kind uint32 `json:"kind,omitempty"`

	// Cause is also the kind of a notice: "change", "slow" or "ending".
	//
	// Group, Cause, ID (three numbers), Members, Index (the position of this connection, or -1),
	// Changed and Sets describe a view as spread.Membership does: membership.
	Group   string     `json:"group,omitempty"`
	Cause   string     `json:"cause,omitempty"`
	ID      *[3]uint32 `json:"id,omitempty"`
	Members []string   `json:"members,omitempty"`
	Index   *int       `json:"index,omitempty"`
	Changed string     `json:"changed,omitempty"`
	Sets    []Set      `json:"sets,omitempty"`

	// Op, Code, Name and Text describe a failure: error. Code and Name are libspread's and omitted
	// if it has none. Text is also the reason of closed and
	// the sentence of a notice.
	Op   string `json:"op,omitempty"`
	Code int    `json:"code,omitempty"`
	Name string `json:"name,omitempty"`
	Text string `json:"text,omitempty"`

	line int // in a file
}

// Line is the number of the line of a recording.
func (r *Event) Line() int { return r.line }

// Set is a virtual synchrony set in an [Event].
type Set struct {
	Own     bool     `json:"own"`
	Members []string `json:"members"`
}

// Of returns what a client received.
func Of(e spread.Event) Event {
	switch e := e.(type) {
	case *spread.Message:
		return ofMessage(Message, e)
	case *spread.Rejected:
		r := ofMessage("rejected", &e.Message)
		r.Request = e.Request.String()
		return r
	case *spread.Membership:
		r := Event{
			Event: Membership, Group: e.Group, Cause: e.Cause.String(),
			Members: e.Members, Changed: e.Changed,
		}
		if e.Cause != spread.SelfLeave {
			r.ID = &[3]uint32{e.ID.Daemon, e.ID.Time, e.ID.Index}
		}
		if e.Regular() {
			r.Index = &e.Index
		}
		for _, set := range e.Sets {
			r.Sets = append(r.Sets, Set{set.Own, set.Members})
		}
		return r
	case *spread.Notice:
		return Event{Event: "notice", Cause: e.Kind.String(), Text: e.Text}
	case *spread.Unknown:
		r := Event{Event: "unknown", Kind: e.Kind, Sender: e.Sender, Groups: e.Groups, Type: &e.Type}
		r.setPayload(e.Payload)
		return r
	default:
		return ofClient(e)
	}
}

func ofMessage(event string, m *spread.Message) Event {
	r := Event{
		Event: event, SelfDiscard: m.SelfDiscard, Sender: m.Sender, Groups: m.Groups,
		Type: &m.Type, EndianMismatch: m.EndianMismatch,
	}
	if m.Service != 0 {
		r.Service = m.Service.String()
	}
	r.setPayload(m.Payload)
	return r
}

func (r *Event) setPayload(payload []byte) {
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

// ofClient returns an event of a connection that comes back.
func ofClient(e spread.Event) Event {
	switch e := e.(type) {
	case *spread.Connected:
		return Event{Event: Connected, Daemon: e.Address, PrivateGroup: e.PrivateGroup}
	case *spread.Disconnected:
		r := OfError(e.Err)
		r.Event, r.Daemon, r.PrivateGroup = Disconnected, e.Address, e.PrivateGroup
		return r
	case *spread.ConnectFailed:
		r := OfError(e.Err)
		r.Daemon = e.Address
		return r
	case *spread.Slow:
		return Event{Event: "slow", Bytes: &e.Bytes}
	default:
		return Event{Event: "unknown"}
	}
}

// Data is the payload.
func (r *Event) Data() []byte {
	if r.Payload != nil {
		return []byte(*r.Payload)
	}
	return r.PayloadBase64
}

// View reports whether the event is a view: a membership with its members.
func (r *Event) View() bool { return r.Event == Membership && r.ID != nil && r.Cause != transitional }

// transitional is the cause of the membership that ends a view.
const transitional = "transitional"

// In returns the groups that the event belongs to: its group, or the targets of a message.
func (r *Event) In() []string {
	if r.Group != "" {
		return []string{r.Group}
	}
	return r.Groups
}

// Views are the members of groups, as events change them.
type Views map[string][]string

// Update takes an event, and returns who came and who went if it is a view.
func (v Views) Update(r *Event) (came, gone []string) {
	switch {
	case r.Event == Disconnected:
		clear(v)
	case r.Event == Membership && r.ID == nil: // left
		delete(v, r.Group)
	case r.View():
		before, known := v[r.Group]
		if known {
			came = without(r.Members, before)
		}
		gone = without(before, r.Members)
		v[r.Group] = r.Members
	}
	return came, gone
}

func without(all, those []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(name string) bool { return slices.Contains(those, name) })
}

// DaemonOf is the daemon of a private group such as #name#daemon.
func DaemonOf(privateGroup string) string {
	return privateGroup[strings.LastIndexByte(privateGroup, '#')+1:]
}

// OfError returns a failure.
func OfError(err error) Event {
	r := Event{Event: "error", Text: err.Error()}
	if e, ok := errors.AsType[*spread.Error](err); ok {
		r.Op = e.Op
	}
	if code := spread.CodeOf(err); code != 0 {
		r.Code, r.Name = int(code), code.Name()
	}
	return r
}

// Cut shortens the payload to a number of bytes. Bytes keeps its size.
func (r *Event) Cut(most int) {
	if data := r.Data(); len(data) > most {
		r.Open()
		data = r.Data()
		r.setPayload(data[:min(len(data), most)])
	}
}
