package show

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/spreadd/spreadd/cmd/spuser/recording"
)

// clock is how times are shown, in local time.
const clock = "15:04:05.000"

// Payload is how payloads are shown.
type Payload string

// The ways to show payloads.
const (
	Text Payload = "text"
	Hex  Payload = "hex"
	JSON Payload = "json" // indented if it is JSON, otherwise as a JSON string
)

// ParsePayload reads a value of -payload.
func ParsePayload(text string) (Payload, error) {
	switch p := Payload(text); p {
	case Text, Hex, JSON:
		return p, nil
	}
	return "", errors.New("want text, hex or json")
}

// Printer makes lines of the events of one recording or connection, which it has to see all, in
// their order: a view is shown by what it changes.
type Printer struct {
	Style   Style
	Payload Payload
	Raw     bool // log lines stay in their envelopes
	views   recording.Views
}

// Event returns the text of an event, which ends in a newline.
func (p *Printer) Event(e *recording.Event) string {
	if p.views == nil {
		p.views = make(recording.Views)
	}
	came, gone := p.views.Update(e)
	what := p.what(e, came, gone)
	where := "-"
	if in := e.In(); len(in) > 0 {
		where = names(in, ",")
	}
	head := p.Style.paint(faint, e.Time.Local().Format(clock)) + "  " + p.Style.paint(cyan, where) + "  "
	return head + strings.ReplaceAll(strings.TrimRight(what, "\n"), "\n", "\n    ") + "\n"
}

func (p *Printer) what(e *recording.Event, came, gone []string) string {
	switch e.Event {
	case recording.Message:
		return "message  " + p.message(e)
	case recording.Membership:
		return "view  " + p.Style.paint(yellow, Change(e, came, gone))
	case recording.Start:
		return "recording of " + names(e.Groups, " ")
	case recording.Connected:
		return p.Style.Good(fmt.Sprintf("connected to %s as %s", Name(e.Daemon), Name(e.PrivateGroup)))
	case recording.Disconnected:
		return p.Style.Bad(fmt.Sprintf("lost the connection to %s: %s", Name(e.Daemon), Name(e.Text)))
	case "rejected":
		return p.Style.Bad(fmt.Sprintf("rejected  %s of %s", Name(e.Request), names(e.Groups, " ")))
	case "notice":
		return p.Style.Bad(fmt.Sprintf("notice of the daemon (%s): %s", Name(e.Cause), Name(e.Text)))
	case "slow":
		return p.Style.Bad(fmt.Sprintf("slow: %d bytes wait to be received", number(e.Bytes)))
	case "error":
		return p.Style.Bad("error: " + Name(e.Text))
	default:
		return Name(strings.TrimSpace(e.Event + " " + e.Text))
	}
}

// Change says what a membership event changes, and why.
func Change(e *recording.Event, came, gone []string) string {
	if !e.View() {
		if e.ID == nil {
			return "left the group"
		}
		return "transitional: this view ends, a network change follows"
	}
	count := fmt.Sprintf("%d members", len(e.Members))
	if len(e.Members) == 1 {
		count = "1 member"
	}
	cause := fmt.Sprintf("%s of %s", Name(e.Cause), Name(e.Changed))
	if e.Changed == "" {
		cause = "network change"
		if len(gone) > 0 {
			cause += ", without " + names(gone, " ")
		}
		if len(came) > 0 {
			cause += ", with " + names(came, " ")
		}
	}
	return fmt.Sprintf("%s after %s: %s", count, cause, names(e.Members, " "))
}

// message returns the sender, the service and the payload.
func (p *Printer) message(e *recording.Event) string {
	data := e.Data()
	head := fmt.Sprintf("%s %s type %d, %d bytes:", p.Style.Strong(Name(e.Sender)), Name(e.Service), number(e.Type), number(e.Bytes))
	body := p.payload(data)
	if strings.Contains(strings.TrimRight(body, "\n"), "\n") {
		return head + "\n" + strings.TrimPrefix(body, "\n")
	}
	return head + " " + body
}

func (p *Printer) payload(data []byte) string {
	switch p.Payload {
	case Hex:
		return "\n" + hex.Dump(data)
	case JSON:
		var out bytes.Buffer
		if json.Indent(&out, data, "", "  ") == nil && utf8.Valid(data) {
			return Visible(out.Bytes())
		}
		quoted, err := json.Marshal(string(data))
		if err != nil {
			return Visible(data)
		}
		return Visible(quoted)
	case Text:
	}
	if !p.Raw {
		data = recording.LinesOf(data)
	}
	return Visible(data)
}

func number[T int | int16](n *T) int {
	if n == nil {
		return 0
	}
	return int(*n)
}

func names(all []string, between string) string {
	shown := make([]string, len(all))
	for i, n := range all {
		shown[i] = Name(n)
	}
	return strings.Join(shown, between)
}
