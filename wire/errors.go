package wire

import (
	"errors"
	"fmt"
)

// The reasons for which a decoder refuses its input. A [DecodeError] wraps one of them.
var (
	// ErrShort means that the input ends before the value does.
	ErrShort = errors.New("input ends early")
	// ErrLength means that a length or count is negative or over its limit.
	ErrLength = errors.New("length out of range")
	// ErrForm means that bytes do not have the required form.
	ErrForm = errors.New("malformed")
)

// DecodeError says what could not be decoded, and where.
type DecodeError struct {
	What   string // the field or structure, e.g. "message header"
	Offset int    // byte offset in the input at which decoding stopped
	Err    error  // ErrShort, ErrLength or ErrForm
}

// Error implements error.
func (e *DecodeError) Error() string {
	return fmt.Sprintf("decoding %s at byte %d: %v", e.What, e.Offset, e.Err)
}

// Unwrap returns the reason.
func (e *DecodeError) Unwrap() error { return e.Err }
