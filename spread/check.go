package spread

import (
	"fmt"
	"strings"

	"github.com/spreadd/spreadd/wire"
)

// MaxGroups is the largest number of groups that one message can be sent to.
const MaxGroups = wire.MaxGroups

// MaxPayload returns the size in bytes of the largest payload of a message to this number of groups
// (client-protocol §5.5): 143119 for one group, and 32 less for each further one.
func MaxPayload(groups int) int { return wire.MaxBody - wire.NameLen*groups }

// CheckGroup returns an error if a group of this name cannot be joined. A name has 1 to 31 bytes
// from '$' to '~' (client-protocol §1.1).
func CheckGroup(name string) error {
	if !wire.LegalGroup(name) {
		return fmt.Errorf("group name %q: want 1 to %d bytes from '$' to '~'", name, wire.MaxGroupName)
	}
	return nil
}

// SplitPrivateGroup splits the name of a connection, "#name#daemon".
func SplitPrivateGroup(group string) (name, daemon string, ok bool) {
	if len(group) > wire.MaxGroupName {
		return "", "", false
	}
	n := wire.MakeName(group)
	p, d, ok := n.SplitPrivate()
	return string(p), string(d), ok
}

const opMulticast = "multicast"

// checkMulticast rejects messages that would make a daemon drop the session, and those that C
// libraries would alter (client-protocol §13).
func checkMulticast(service Service, payload int, groups []string) error {
	if !service.sendable() {
		return errorf(opMulticast, "", ErrIllegalService, "%v: want exactly one service, with or without SelfDiscard", service)
	}
	if len(groups) > MaxGroups {
		return errorf(opMulticast, "", ErrIllegalGroup, "%d groups: a message has at most %d", len(groups), MaxGroups)
	}
	for _, g := range groups {
		if g == "" || len(g) > wire.MaxGroupName || strings.IndexByte(g, 0) >= 0 {
			return errorf(opMulticast, g, ErrIllegalGroup, "a group has 1 to %d bytes, none of them NUL", wire.MaxGroupName)
		}
	}
	if limit := MaxPayload(len(groups)); payload > limit {
		return errorf(opMulticast, "", ErrMessageTooLong, "%d bytes to %d groups: at most %d", payload, len(groups), limit)
	}
	return nil
}
