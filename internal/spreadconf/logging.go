package spreadconf

import (
	"slices"
	"strings"
)

// DebugFlags is a set of event classes: those that are logged (spread-conf §7).
type DebugFlags uint32

// Event classes that matter to the daemon.
const (
	FlagExit          DebugFlags = 0x1
	FlagPrint         DebugFlags = 0x10
	FlagSession       DebugFlags = 0x80
	FlagConfiguration DebugFlags = 0x100
	FlagMembership    DebugFlags = 0x200
	FlagDebug         DebugFlags = 0x1000
	FlagGroups        DebugFlags = 0x2000

	NoFlags  DebugFlags = 0
	AllFlags DebugFlags = 0xffffffff // classes without a name included

	// DefaultDebugFlags are in force where no DebugFlags line has been read.
	DefaultDebugFlags = FlagPrint | FlagExit | FlagConfiguration
)

// flagNames are the names of all classes, by bit.
var flagNames = [...]string{
	"EXIT", "DATA_LINK", "MEMORY", "EVENTS", "PRINT", "NETWORK", "PROTOCOL", "SESSION", "CONFIGURATION", "MEMBERSHIP",
	"FLOW_CONTROL", "STATUS", "DEBUG", "GROUPS", 21: "SKIPLIST", "ACM", "SECURITY",
}

func flagOf(s string) (DebugFlags, bool) {
	switch s {
	case "ALL":
		return AllFlags, true
	case "NONE":
		return NoFlags, true
	}
	i := slices.Index(flagNames[:], s)
	if i < 0 || s == "" {
		return 0, false
	}
	return 1 << i, true
}

// String returns the flags as a DebugFlags line would list them, such as "EXIT PRINT", "ALL
// !DATA_LINK" or "NONE".
func (f DebugFlags) String() string {
	if f == NoFlags {
		return "NONE"
	}
	var in []string
	out, named := []string{"ALL"}, NoFlags
	for i, name := range flagNames {
		flag := DebugFlags(1) << i
		switch {
		case name == "":
			continue
		case f&flag != 0:
			in = append(in, name)
		default:
			out = append(out, "!"+name)
		}
		named |= flag
	}
	if f|named == AllFlags { // classes without a name come and go with ALL only
		return strings.Join(out, " ")
	}
	return strings.Join(in, " ")
}

//go:generate go tool -modfile=../../.ci/tools/go.mod stringer -type=Priority -linecomment

// Priority is the importance of an event.
type Priority uint8

// The priorities, with the C daemon's numbers.
const (
	PriorityDebug    Priority = iota + 1 // pDEBUG
	PriorityInfo                         // INFO
	PriorityWarning                      // WARNING
	PriorityError                        // ERROR
	PriorityCritical                     // CRITICAL
	PriorityFatal                        // FATAL
)

func priorityOf(s string) (Priority, bool) {
	for p := PriorityDebug; p <= PriorityFatal; p++ {
		if p.String() == s {
			return p, true
		}
	}
	return 0, false
}

// TimeStamp is the prefix of each log line.
type TimeStamp struct {
	Set     bool   // by EventTimeStamp or EventPreciseTimeStamp
	Format  string // of strftime, up to 39 bytes; valid if Set
	Precise bool   // with microseconds
}

// DefaultTimeStampFormat is the format of EventTimeStamp without a value.
const DefaultTimeStampFormat = "%m/%d/%y %H:%M:%S"

const maxTimeStampFormat = 39 // bytes

// Effective returns the strftime format in force, and whether "." and six digits of microseconds
// follow it. An empty format means no time stamps. A format that has to be precise and does not end
// in seconds gets those since the epoch appended; where they do not fit, precision is dropped
// (spread-conf §7).
func (t TimeStamp) Effective() (format string, micros bool) {
	const seconds = " %s"
	switch {
	case !t.Set:
		return "", false
	case !t.Precise:
		return t.Format, false
	case strings.HasSuffix(t.Format, "%S"), strings.HasSuffix(t.Format, "%s"):
		return t.Format, true
	case len(t.Format)+len(seconds) > maxTimeStampFormat:
		return t.Format, false
	default:
		return t.Format + seconds, true
	}
}
