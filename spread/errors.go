package spread

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spreadd/spreadd/wire"
)

// Code is the kind of a failure, with libspread's number. Each kind is an error itself, for
// errors.Is:
//
//	errors.Is(err, spread.ErrRejectNotUnique)
type Code int8

// The kinds of failure, named and numbered as in libspread (client-protocol §14.2). This library
// does not return ErrRejectNoName (which no daemon sends), ErrBufferTooShort, ErrGroupsTooShort and
// ErrIllegalTime (which a Go caller cannot cause). They exist for programs that translate codes.
const (
	// ErrIllegalSpread means that the daemon's address is malformed or its host is unknown.
	ErrIllegalSpread = Code(wire.IllegalSpread)
	// ErrCouldNotConnect means that the daemon could not be reached.
	ErrCouldNotConnect = Code(wire.CouldNotConnect)
	// ErrRejectQuota means that the daemon accepts no more sessions.
	ErrRejectQuota = Code(wire.RejectQuota)
	// ErrRejectNoName is defined by the protocol but never sent.
	ErrRejectNoName = Code(wire.RejectNoName)
	// ErrRejectIllegalName means that the private name is too long or has bytes outside '$' to '~'.
	ErrRejectIllegalName = Code(wire.RejectIllegalName)
	// ErrRejectNotUnique means that another session of the daemon has the private name.
	ErrRejectNotUnique = Code(wire.RejectNotUnique)
	// ErrRejectVersion means that the versions of daemon and library are incompatible.
	ErrRejectVersion = Code(wire.RejectVersion)
	// ErrConnectionClosed means that the connection ended or failed.
	ErrConnectionClosed = Code(wire.ConnectionClosed)
	// ErrRejectAuth means that authentication failed, or that daemon and client share no method.
	ErrRejectAuth = Code(wire.RejectAuth)
	// ErrIllegalSession means that this program has closed the connection.
	ErrIllegalSession = Code(wire.IllegalSession)
	// ErrIllegalService means that a message does not have exactly one service.
	ErrIllegalService = Code(wire.IllegalService)
	// ErrIllegalMessage means that the daemon sent an invalid message.
	ErrIllegalMessage = Code(wire.IllegalMessage)
	// ErrIllegalGroup means that a group name is invalid, or that a message has too many groups.
	ErrIllegalGroup = Code(wire.IllegalGroup)
	// ErrBufferTooShort is not returned by this library.
	ErrBufferTooShort = Code(wire.BufferTooShort)
	// ErrGroupsTooShort is not returned by this library.
	ErrGroupsTooShort = Code(wire.GroupsTooShort)
	// ErrMessageTooLong means that payload and groups exceed the limit; see [MaxPayload].
	ErrMessageTooLong = Code(wire.MessageTooLong)
	// ErrNetErrorOnSession means that the connection had failed before the call. Such an error is
	// also an ErrConnectionClosed to errors.Is.
	ErrNetErrorOnSession = Code(wire.NetErrorOnSession)
	// ErrIllegalTime is not returned by this library.
	ErrIllegalTime = Code(wire.IllegalTime)
)

// Name returns the name of the code in libspread, such as "ILLEGAL_GROUP".
func (c Code) Name() string { return wire.Code(c).String() }

var codeTexts = map[Code]string{
	ErrIllegalSpread:     "illegal daemon address",
	ErrCouldNotConnect:   "could not connect",
	ErrRejectQuota:       "connection rejected: the daemon accepts no more sessions",
	ErrRejectNoName:      "connection rejected: no name",
	ErrRejectIllegalName: "connection rejected: illegal name",
	ErrRejectNotUnique:   "connection rejected: name not unique on this daemon",
	ErrRejectVersion:     "connection rejected: incompatible versions of library and daemon",
	ErrConnectionClosed:  "connection closed by the daemon",
	ErrRejectAuth:        "connection rejected: authentication failed",
	ErrIllegalSession:    "connection is closed",
	ErrIllegalService:    "illegal service",
	ErrIllegalMessage:    "illegal message",
	ErrIllegalGroup:      "illegal group",
	ErrBufferTooShort:    "buffer too short",
	ErrGroupsTooShort:    "groups list too short",
	ErrMessageTooLong:    "message too long",
	ErrNetErrorOnSession: "connection has failed",
	ErrIllegalTime:       "illegal time",
}

// Error implements error.
func (c Code) Error() string {
	if text, ok := codeTexts[c]; ok {
		return text
	}
	return "error code " + strconv.Itoa(int(c))
}

// Error is the error type of all functions of this package. errors.Is finds its Code and what Err
// wraps, such as the error of a context or of package net.
type Error struct {
	// Op is the operation that failed: "dial", "join", "leave", "multicast", "flush", "do",
	// "receive", "poll", "close", "parse address" or "parse service".
	Op string
	// Target is the address or group of the operation. It may be empty.
	Target string
	// Code is the kind of failure. It is 0 if only the caller's context ended.
	Code Code
	// Err is the cause. It may be nil if Code is not 0.
	Err error
}

// errorf returns an error with a cause of its own.
func errorf(op, target string, code Code, format string, args ...any) *Error {
	return &Error{Op: op, Target: target, Code: code, Err: fmt.Errorf(format, args...)}
}

// Error implements error.
func (e *Error) Error() string {
	parts := []string{"spread: " + e.Op}
	if e.Target != "" {
		parts[0] += " " + strconv.Quote(e.Target)
	}
	for _, err := range e.Unwrap() {
		parts = append(parts, err.Error())
	}
	return strings.Join(parts, ": ")
}

// Unwrap returns the code and the cause, as far as they are set.
func (e *Error) Unwrap() []error {
	var errs []error
	if e.Code != 0 {
		errs = append(errs, e.Code)
	}
	if e.Err != nil {
		errs = append(errs, e.Err)
	}
	return errs
}

// CodeOf returns the code of err, or 0 if it has none.
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok && e.Code != 0 {
		return e.Code
	}
	c, _ := errors.AsType[Code](err)
	return c
}
