package wire

import "cmp"

// Sizes that the protocol fixes (client-protocol §1, §5.5).
const (
	// DefaultPort is the port of a segment without one.
	DefaultPort = 4803
	// NameLen is the size of a group name field, including its terminator.
	NameLen = 32
	// MaxGroupName is the longest group name in bytes.
	MaxGroupName = NameLen - 1
	// MaxPrivateName is the longest private name (user part) in bytes.
	MaxPrivateName = 10
	// MaxDaemonName is the longest daemon name in bytes.
	MaxDaemonName = 19
	// HeaderLen is the size of a message header.
	HeaderLen = 48
	// OldTypeLen is the size of the word that follows the header of a reject message.
	OldTypeLen = 4
	// MaxGroups is the largest number of groups in one message.
	MaxGroups = 100
	// MaxDataField is the largest data_len that passes the header check.
	MaxDataField = 144000
	// MaxBody is the largest payload + 32 × groups that we accept and send. Two bytes more would
	// need a 101st fragment on the ring; one byte more makes a C daemon corrupt its memory
	// (client-protocol §5.5).
	MaxBody = 143151
	// MaxMessage is the longest whole message that we accept and send.
	MaxMessage = HeaderLen + MaxBody
	// MaxMembers limits the member list of a membership message that we read. The protocol has no
	// limit. This one is far above what 128 daemons of 3121 local members each could hold in a
	// message that a peer can carry.
	MaxMembers = 1 << 19
	// MaxDeliveredData limits data_len of a message that a daemon sends to a client: the sets of
	// MaxMembers members.
	MaxDeliveredData = 20 + MaxMembers*(NameLen+4)
	// MethodNameLen is the size of one authentication method field.
	MethodNameLen = 30
	// MethodFields is the number of methods a client may choose.
	MethodFields = 3
	// MethodChoiceLen is the size of the method choice.
	MethodChoiceLen = MethodFields * MethodNameLen
	// MaxMethodList is the largest length byte of a method list.
	MaxMethodList = 90
)

// Version is the version of a library or daemon.
type Version struct {
	Major, Minor, Patch uint8
}

// OurVersion is the version that we report to peers: that of the C release whose protocol we speak.
var OurVersion = Version{5, 0, 1}

// AtLeast reports whether v is major.minor.patch or later.
func (v Version) AtLeast(major, minor, patch uint8) bool {
	return cmp.Or(cmp.Compare(v.Major, major), cmp.Compare(v.Minor, minor), cmp.Compare(v.Patch, patch)) >= 0
}
