package traffic

import (
	"errors"
	"fmt"

	"github.com/spreadd/spreadd/logs/internal/logline"
)

// Odd is why a line, or a message, was not counted as a request.
type Odd uint8

// The reasons.
const (
	OddEmpty Odd = iota // no text at all
	OddHost             // the fields of logline, by the first that did not fit
	OddIdent
	OddUser
	OddTime
	OddRequest
	OddStatus
	OddBytes
	OddReferrer
	OddAgent
	OddEnvelope // a message: its envelope is malformed
	OddVersion  // a message: its envelope is of a version to come
	NumOdds
)

// String returns the reason as a metric label.
func (o Odd) String() string {
	switch o {
	case OddEmpty:
		return "empty"
	case OddHost:
		return "host"
	case OddIdent:
		return "ident"
	case OddUser:
		return "user"
	case OddTime:
		return "time"
	case OddRequest:
		return "request"
	case OddStatus:
		return "status"
	case OddBytes:
		return "bytes"
	case OddReferrer:
		return "referrer"
	case OddAgent:
		return "agent"
	case OddEnvelope:
		return "envelope"
	case OddVersion:
		return "envelope_version"
	case NumOdds:
	}
	return fmt.Sprintf("Odd(%d)", uint8(o))
}

func oddOf(line []byte, err error) Odd {
	if len(line) == 0 {
		return OddEmpty
	}
	if e, ok := errors.AsType[logline.FieldError](err); ok && e >= logline.ErrHost && e <= logline.ErrAgent {
		return OddHost + Odd(e-logline.ErrHost)
	}
	return OddHost
}
