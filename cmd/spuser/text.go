package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spreadd/spreadd/cmd/spuser/recording"
	"github.com/spreadd/spreadd/cmd/spuser/show"
	"github.com/spreadd/spreadd/spread"
)

const (
	// ruler is printed above each event.
	ruler = "\n============================\n"
	// maxShown is the size of the original's receive buffer in bytes.
	maxShown = 102400
	// rejectBit marks a rejected request in the protocol's type word.
	rejectBit = 0x00400000
)

const menu = `
==========
User Menu:
----------

	j <group> -- join a group
	l <group> -- leave a group

	s <group> -- send a message
	m <group> -- send a multiline message to group. Terminate with empty line
	b <group> -- send a burst of messages

	r -- receive a message (stuck)` + " " + `
	p -- poll for a message` + " " + `
	e -- enable asynchonous read (default)
	d -- disable asynchronous read` + " " + `

	q -- quit
`

// eventText returns the text of an event, from the ruler on and without the prompt that follows it
// (daemon-operations §9). Log lines are taken out of their envelopes unless raw is set.
func eventText(e spread.Event, raw bool) string {
	var s strings.Builder
	switch e := e.(type) {
	case *spread.Message:
		s.WriteString(ruler)
		size, payload := len(e.Payload), e.Payload
		if !raw {
			payload = recording.LinesOf(payload)
		}
		if len(payload) > maxShown {
			s.WriteString("\n========Buffers or Groups too Short=======\n")
			payload = payload[:maxShown]
			size = min(size, maxShown)
		}
		fmt.Fprintf(&s, "received %v message from %s, of type %d, (endian %d) to %d groups \n(%d bytes): %s\n",
			e.Service, show.Name(e.Sender), e.Type, endian(e), len(e.Groups), size, show.Visible(payload))
	case *spread.Membership:
		s.WriteString(ruler)
		membershipText(&s, e)
	case *spread.Rejected:
		s.WriteString(ruler)
		m := &e.Message
		// The original counts the name of this connection, which the daemon appends.
		fmt.Fprintf(&s, "REJECTED message from %s, of servicetype 0x%x messtype %d, (endian %d) to %d groups \n(%d bytes): %s\n",
			show.Name(m.Sender), e.OldType|rejectBit, m.Type, endian(m), min(len(m.Groups)+1, spread.MaxGroups), len(m.Payload), show.Visible(m.Payload))
	case *spread.Notice:
		s.WriteString(ruler)
		fmt.Fprintf(&s, "NOTICE of the daemon (%v): %s\n", e.Kind, show.Name(e.Text))
	case *spread.Unknown:
		s.WriteString(ruler)
		fmt.Fprintf(&s, "received message of unknown message type 0x%x with ret %d\n", e.Kind, len(e.Payload))
	default:
		s.WriteString(clientText(e))
	}
	return s.String()
}

func endian(m *spread.Message) int {
	if m.EndianMismatch {
		return 1
	}
	return 0
}

func membershipText(s *strings.Builder, m *spread.Membership) {
	switch m.Cause {
	case spread.Transitional:
		fmt.Fprintf(s, "received TRANSITIONAL membership for group %s\n", show.Name(m.Group))
		return
	case spread.SelfLeave:
		fmt.Fprintf(s, "received membership message that left group %s\n", show.Name(m.Group))
		return
	case spread.CauseJoin, spread.CauseLeave, spread.CauseDisconnect, spread.CauseNetwork:
	}
	fmt.Fprintf(s, "Received REGULAR membership for group %s with %d members, where I am member %d:\n", show.Name(m.Group), len(m.Members), m.Index)
	members(s, m.Members)
	fmt.Fprintf(s, "grp id is %v\n", m.ID)
	if m.Cause != spread.CauseNetwork {
		fmt.Fprintf(s, "Due to the %s of %s\n", strings.ToUpper(m.Cause.String()), show.Name(m.Changed))
		return
	}
	fmt.Fprintf(s, "Due to NETWORK change with %d VS sets\n", len(m.Sets))
	for i, set := range m.Sets {
		whose := "OTHER"
		if set.Own {
			whose = "LOCAL"
		}
		fmt.Fprintf(s, "%s VS set %d has %d members:\n", whose, i, len(set.Members))
		members(s, set.Members)
	}
}

func members(s *strings.Builder, names []string) {
	for _, n := range names {
		fmt.Fprintf(s, "\t%s\n", show.Name(n))
	}
}

// errorTexts are the original's texts for error codes (daemon-operations §13).
var errorTexts = map[spread.Code]string{
	spread.ErrIllegalSpread:     "Illegal spread name.",
	spread.ErrCouldNotConnect:   "Could not connect.",
	spread.ErrRejectQuota:       "Connection rejected, too many users.",
	spread.ErrRejectNoName:      "Connection rejected, no name.",
	spread.ErrRejectIllegalName: "Connection rejected, illegal name.",
	spread.ErrRejectNotUnique:   "Connection rejected, name not unique.",
	spread.ErrRejectVersion:     "Connection rejected, client library incompatible.",
	spread.ErrConnectionClosed:  "Connection closed by Spread.",
	spread.ErrRejectAuth:        "Connection rejected, authentication failed.",
	spread.ErrIllegalSession:    "Illegal session.",
	spread.ErrIllegalService:    "Illegal service.",
	spread.ErrIllegalMessage:    "Illegal message.",
	spread.ErrIllegalGroup:      "Illegal group.",
	spread.ErrBufferTooShort:    "Buffer too short.",
	spread.ErrGroupsTooShort:    "Groups list too short.",
	spread.ErrMessageTooLong:    "Message too large.",
	spread.ErrNetErrorOnSession: "Network error on session.",
	spread.ErrIllegalTime:       "Illegal time.",
}

func errorText(c spread.Code) string {
	if text, ok := errorTexts[c]; ok {
		return text
	}
	text := c.Error()
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// clientText returns the text of an event of a lasting connection.
func clientText(e spread.Event) string {
	switch e := e.(type) {
	case *spread.Connected:
		return ruler + fmt.Sprintf("connected again to %s with private group %s after %v\n",
			e.Address, e.PrivateGroup, e.Away.Round(time.Millisecond))
	case *spread.Disconnected:
		return ruler + fmt.Sprintf("lost the connection to %s: %v\n", e.Address, e.Err)
	case *spread.ConnectFailed:
		return ruler + fmt.Sprintf("cannot connect to %s; will keep retrying: %v\n", e.Address, e.Err)
	case *spread.Slow:
		return ruler + fmt.Sprintf("slow: %d bytes wait to be received\n", e.Bytes)
	default:
		return ""
	}
}
