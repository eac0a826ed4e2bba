package spread

import (
	"fmt"
	"strings"

	"github.com/spreadd/spreadd/wire"
)

// MaxGroups is the largest number of groups that one message can be sent to.
const MaxGroups = wire.MaxGroups

// MaxPayload returns the largest payload, in bytes, of a message to the given
// number of groups (client-protocol §5.5): 143119 for one group, and 32 less
// for each more.
func MaxPayload(groups int) int { return wire.MaxBody - wire.NameLen*groups }

// CheckGroup reports whether a group of this name can be joined: 1 to 31 bytes
// from '$' to '~' (client-protocol §1.1).
func CheckGroup(name string) error {
	if !wire.LegalGroup(name) {
		return fmt.Errorf("group name %q: want 1 to %d bytes from '$' to '~'", name, wire.MaxGroupName)
	}
	return nil
}

// SplitPrivateGroup takes the name of a connection apart: "#name#daemon".
func SplitPrivateGroup(group string) (name, daemon string, ok bool) {
	if len(group) > wire.MaxGroupName {
		return "", "", false
	}
	n := wire.MakeName(group)
	p, d, ok := n.SplitPrivate()
	return string(p), string(d), ok
}

const opMulticast = "multicast"

// checkMulticast refuses what a daemon would answer by dropping the session,
// and what C libraries would alter on the way (client-protocol §13).
func checkMulticast(service Service, payload int, groups []string) error {
	if !service.sendable() {
		return &Error{
			Op: opMulticast, Code: ErrIllegalService,
			Err: fmt.Errorf("%v: want exactly one service, with or without SelfDiscard", service),
		}
	}
	if len(groups) > MaxGroups {
		return &Error{
			Op: opMulticast, Code: ErrIllegalGroup,
			Err: fmt.Errorf("%d groups: a message has at most %d", len(groups), MaxGroups),
		}
	}
	for _, g := range groups {
		if g == "" || len(g) > wire.MaxGroupName || strings.IndexByte(g, 0) >= 0 {
			return &Error{
				Op: opMulticast, Target: g, Code: ErrIllegalGroup,
				Err: fmt.Errorf("a group has 1 to %d bytes, none of them NUL", wire.MaxGroupName),
			}
		}
	}
	if limit := MaxPayload(len(groups)); payload > limit {
		return &Error{
			Op: opMulticast, Code: ErrMessageTooLong,
			Err: fmt.Errorf("%d bytes to %d groups: at most %d", payload, len(groups), limit),
		}
	}
	return nil
}
