package traffic

import (
	"errors"

	"github.com/spreadd/spreadd/logs/internal/logline"
)

//go:generate go tool -modfile=../../../.ci/tools/go.mod stringer -type=Odd -linecomment

// Odd is why a line, or a message, was not counted as a request.
type Odd uint8

// The reasons: no text at all, the field of logline that did not fit first, and the faults of a
// message's envelope.
const (
	OddEmpty    Odd = iota // empty
	OddHost                // host
	OddIdent               // ident
	OddUser                // user
	OddTime                // time
	OddRequest             // request
	OddStatus              // status
	OddBytes               // bytes
	OddReferrer            // referrer
	OddAgent               // agent
	OddJSON                // json
	OddEnvelope            // envelope
	OddVersion             // envelope_version
	NumOdds
)

func oddOf(line []byte, err error) Odd {
	if len(line) == 0 {
		return OddEmpty
	}
	if e, ok := errors.AsType[logline.FieldError](err); ok && e >= logline.ErrHost && e <= logline.ErrJSON {
		return OddHost + Odd(e-logline.ErrHost)
	}
	return OddHost
}
