package spreadconf

import (
	"errors"
	"strconv"

	"github.com/spreadd/spreadd/internal/conf"
)

// ErrNoFile means that no file was named and that none of the places of the default search has one.
var ErrNoFile = errors.New("no such file in the default locations")

// Types of package conf, which has what all parsers share.
type (
	// Pos is a place in a file.
	Pos = conf.Pos
	// Error says what is wrong in a file. Its Pos is the beginning of its Token, or has no line for an
	// error without a place in the file.
	Error = conf.Error
	// Code names a kind of error or warning.
	Code = conf.Code
	// Warning is something in an accepted file that its author should know.
	Warning = conf.Warning
)

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
)

// CodeAccess is a malformed line of an access file.
const CodeAccess Code = "access-file"

// Warnings that the C daemon gives too (spread-conf §14).
const (
	WarnLoopbackSegment     Code = "segment-address-is-loopback"
	WarnIPv6NotMulticast    Code = "ipv6-segment-not-multicast"
	WarnNotAnAddress        Code = "not-an-address-after-all"
	WarnNameEndsInSemicolon Code = "name-ends-with-semicolon"
)

// Warnings about what the C daemon lets pass in silence (spread-conf §15).
const (
	WarnByteOrderMark      Code = "byte-order-mark" // refused by the C daemon
	WarnNameCut            Code = "name-cut"
	WarnNameNotAddressable Code = "name-not-addressable"
	WarnStrayCharacter     Code = "stray-character"
	WarnQuoteKept          Code = "quote-kept"
	WarnUnknownZone        Code = "unknown-zone"
	WarnTokenPortWraps     Code = "token-port-wraps"
	WarnRepeatedOption     Code = "repeated-option"
	WarnEmptyValue         Code = "empty-value-ignored"
	WarnEmptyTimeStamp     Code = "empty-time-stamp"
	WarnValueCut           Code = "value-cut"
	WarnPrecisionDropped   Code = "precision-dropped"
	WarnUnknownAuthMethod  Code = "unknown-auth-method"
	WarnNobodyAllowed      Code = "nobody-allowed"
	WarnNoSessionQueue     Code = "no-session-queue"
)

// Advice that only a check mode gives: the file is accepted, but may not mean what its author
// thinks.
const (
	AdviceAddressOnNextLine Code = "address-on-next-line"
	AdvicePortInAddress     Code = "port-in-address"
	AdviceAcceleratedUnset  Code = "accelerated-ring-unset"
	AdviceAcceleratedWindow Code = "accelerated-window-after-reload"
)

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
