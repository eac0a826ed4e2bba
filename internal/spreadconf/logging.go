package spreadconf

import (
	"strings"
)

// DebugFlags is a set of event classes: those that are logged (spread-conf §7).
type DebugFlags uint32

// The event classes.
const (
	FlagExit          DebugFlags = 0x1
	FlagDataLink      DebugFlags = 0x2
	FlagMemory        DebugFlags = 0x4
	FlagEvents        DebugFlags = 0x8
	FlagPrint         DebugFlags = 0x10
	FlagNetwork       DebugFlags = 0x20
	FlagProtocol      DebugFlags = 0x40
	FlagSession       DebugFlags = 0x80
	FlagConfiguration DebugFlags = 0x100
	FlagMembership    DebugFlags = 0x200
	FlagFlowControl   DebugFlags = 0x400
	FlagStatus        DebugFlags = 0x800
	FlagDebug         DebugFlags = 0x1000
	FlagGroups        DebugFlags = 0x2000
	FlagSkiplist      DebugFlags = 0x200000
	FlagACM           DebugFlags = 0x400000 // authentication
	FlagSecurity      DebugFlags = 0x800000 // dropping privileges

	NoFlags  DebugFlags = 0
	AllFlags DebugFlags = 0xffffffff // classes without a name included

	// DefaultDebugFlags are in force where no DebugFlags line has been read.
	DefaultDebugFlags = FlagPrint | FlagExit | FlagConfiguration
)

type flagName struct {
	name string
	flag DebugFlags
}

func flagNames() []flagName {
	return []flagName{
		{"EXIT", FlagExit},
		{"DATA_LINK", FlagDataLink},
		{"MEMORY", FlagMemory},
		{"EVENTS", FlagEvents},
		{"PRINT", FlagPrint},
		{"NETWORK", FlagNetwork},
		{"PROTOCOL", FlagProtocol},
		{"SESSION", FlagSession},
		{"CONFIGURATION", FlagConfiguration},
		{"MEMBERSHIP", FlagMembership},
		{"FLOW_CONTROL", FlagFlowControl},
		{"STATUS", FlagStatus},
		{"DEBUG", FlagDebug},
		{"GROUPS", FlagGroups},
		{"SKIPLIST", FlagSkiplist},
		{"ACM", FlagACM},
		{"SECURITY", FlagSecurity},
	}
}

func flagOf(s string) (DebugFlags, bool) {
	switch s {
	case "ALL":
		return AllFlags, true
	case "NONE":
		return NoFlags, true
	}
	for _, f := range flagNames() {
		if f.name == s {
			return f.flag, true
		}
	}
	return 0, false
}

// String returns the flags as a DebugFlags line would list them, such as "EXIT PRINT", "ALL
// !DATA_LINK" or "NONE".
func (f DebugFlags) String() string {
	var in, out, names []string
	var named DebugFlags
	for _, n := range flagNames() {
		named |= n.flag
		if f&n.flag != 0 {
			in = append(in, n.name)
		} else {
			out = append(out, "!"+n.name)
		}
	}
	// Classes without a name come and go with ALL only.
	switch {
	case f|named == AllFlags:
		names = append([]string{"ALL"}, out...)
	case f == NoFlags:
		return "NONE"
	default:
		names = in
	}
	return strings.Join(names, " ")
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
