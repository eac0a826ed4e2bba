package spreadconf

import (
	"cmp"
	"errors"
	"strconv"
	"strings"
)

// ErrNoFile means that no file was named and that none of the places of the
// default search has one.
var ErrNoFile = errors.New("no such file in any of the usual places")

// Code names a kind of error. The texts are stable.
type Code string

// Errors of the text (spread-conf §2 to §8).
const (
	CodeSyntax                   Code = "syntax"
	CodeNoSegments               Code = "no-segments" // also an unexpected word before the first segment
	CodeNoDaemons                Code = "no-daemons"
	CodeEmptySegment             Code = "empty-segment"
	CodePortRange                Code = "port-range"
	CodeEmptyName                Code = "empty-name"
	CodeEmptyValue               Code = "empty-value"
	CodeDuplicateName            Code = "duplicate-name"
	CodeDuplicateAddress         Code = "duplicate-address"
	CodeDuplicateID              Code = "duplicate-id"
	CodeIDNotPositive            Code = "id-not-positive"
	CodeWildcardDaemonAddress    Code = "wildcard-daemon-address"
	CodeMulticastDaemonAddress   Code = "multicast-daemon-address"
	CodeWildcardSegmentAddress   Code = "wildcard-segment-address"
	CodeAddressFamily            Code = "address-family"
	CodeSegmentFamily            Code = "segment-family"
	CodeIPVersionConflict        Code = "ip-version-conflict"
	CodeBadIPVersion             Code = "bad-ip-version"
	CodeLookupFailed             Code = "lookup-failed"
	CodeLookupNoAddressOfFamily  Code = "lookup-no-address-of-family"
	CodeTooManySegmentAddresses  Code = "too-many-segment-addresses"
	CodeTooManySegments          Code = "too-many-segments"
	CodeTooManyDaemons           Code = "too-many-daemons"
	CodeTooManyInterfaces        Code = "too-many-interfaces"
	CodeEmptyInterfaceList       Code = "empty-interface-list"
	CodeNoDaemonInterface        Code = "no-daemon-interface"
	CodeNotPositive              Code = "not-positive"
	CodeWindowRange              Code = "window-range"
	CodePersonalAboveWindow      Code = "personal-window-above-window"
	CodeAcceleratedAbovePersonal Code = "accelerated-window-above-personal"
	CodeValueTooLong             Code = "value-too-long"
	CodeBadPolicy                Code = "bad-policy"
)

// Errors of a daemon that is about to start (spread-conf §8, §9).
const (
	CodeTimeoutsPartial    Code = "timeouts-partial"
	CodeNameTooLong        Code = "usage-name-too-long"
	CodeOwnNameNotFound    Code = "own-name-not-found"
	CodeOwnAddressNotLocal Code = "own-address-not-local"
	CodeOwnAddressNotFound Code = "own-address-not-found"
	CodeLogFile            Code = "log-file"
	CodeBind               Code = "bind"     // a UDP socket
	CodeBindTCP            Code = "bind-tcp" // a listener for clients
)

// CodeAccess is a malformed line of an access file.
const CodeAccess Code = "access-file"

// Error says what is wrong in a file, where, and what to do about it.
type Error struct {
	File string // as named by the caller
	// Line and Column, both from 1, are where Token begins; the column counts
	// bytes. Both are 0 for an error that has no place in the file.
	Line, Column int
	Token        string // the offending text as it stands in the file; empty at the end of the file
	Code         Code
	Msg          string // what was found
	Expected     string // what should have stood there; may be empty
	Advice       string // what to do; may be empty
	Err          error  // the cause, if it came from outside, such as the resolver
}

// Error returns "FILE:LINE:COLUMN: what was found, what was expected; what to do".
func (e *Error) Error() string {
	var b strings.Builder
	if at := (Pos{e.File, e.Line, e.Column}).String(); at != "" {
		b.WriteString(at)
		b.WriteString(": ")
	}
	b.WriteString(e.Msg)
	if e.Expected != "" {
		b.WriteString(", expected ")
		b.WriteString(e.Expected)
	}
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(e.Err.Error())
	}
	if e.Advice != "" {
		b.WriteString("; ")
		b.WriteString(e.Advice)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Pos is a place in a file.
type Pos struct {
	File   string
	Line   int // from 1; 0 means no particular place
	Column int // from 1, in bytes
}

// String returns "FILE:LINE:COLUMN", or "FILE" without a place.
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return p.File + ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column)
}

// WarningCode names a kind of warning. The texts are stable.
type WarningCode string

// Warnings that the C daemon gives too (spread-conf §14).
const (
	WarnLoopbackSegment     WarningCode = "segment-address-is-loopback"
	WarnIPv6NotMulticast    WarningCode = "ipv6-segment-not-multicast"
	WarnNotAnAddress        WarningCode = "not-an-address-after-all"
	WarnNameEndsInSemicolon WarningCode = "name-ends-with-semicolon"
)

// Warnings about what the C daemon lets pass in silence (spread-conf §15).
const (
	WarnNameCut            WarningCode = "name-cut"
	WarnNameNotAddressable WarningCode = "name-not-addressable"
	WarnStrayCharacter     WarningCode = "stray-character"
	WarnQuoteKept          WarningCode = "quote-kept"
	WarnUnknownZone        WarningCode = "unknown-zone"
	WarnTokenPortWraps     WarningCode = "token-port-wraps"
	WarnRepeatedOption     WarningCode = "repeated-option"
	WarnEmptyValue         WarningCode = "empty-value-ignored"
	WarnEmptyTimeStamp     WarningCode = "empty-time-stamp"
	WarnValueCut           WarningCode = "value-cut"
	WarnPrecisionDropped   WarningCode = "precision-dropped"
	WarnUnknownAuthMethod  WarningCode = "unknown-auth-method"
	WarnNobodyAllowed      WarningCode = "nobody-allowed"
	WarnNoSessionQueue     WarningCode = "no-session-queue"
)

// Advice that only a check mode gives: the file is fine as it stands, but may
// not mean what its author thinks.
const (
	AdviceAddressOnNextLine WarningCode = "address-on-next-line"
	AdvicePortInAddress     WarningCode = "port-in-address"
	AdviceAcceleratedUnset  WarningCode = "accelerated-ring-unset"
	AdviceAcceleratedWindow WarningCode = "accelerated-window-after-reload"
)

// Warning is something in an accepted file that its author should know.
type Warning struct {
	Pos     Pos
	Code    WarningCode
	Message string // what is odd, its effect, and what to write instead
}

// String returns "FILE:LINE:COLUMN: message (code)".
func (w Warning) String() string {
	return w.Pos.String() + ": " + w.Message + " (" + string(w.Code) + ")"
}

// byPlace orders warnings by their places in one file.
func byPlace(a, b Warning) int {
	return cmp.Or(cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Column, b.Pos.Column))
}

// maxShown bounds how much of an offending text a message repeats, in bytes.
const maxShown = 60

// show returns text from a file as messages quote it.
func show(text string) string {
	if len(text) > maxShown {
		text = text[:maxShown] + "..."
	}
	if strconv.CanBackquote(text) {
		return "`" + text + "`"
	}
	return strconv.Quote(text)
}
