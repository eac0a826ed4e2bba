package wire

import (
	"cmp"
	"fmt"
)

// DaemonID is the 32-bit id of a configured daemon: its VirtualID, or a hash of its name
// (ring-protocol §3).
type DaemonID uint32

// MembershipID names a membership of daemons: a ring that was installed, or one that is being
// formed. Ids are compared for equality; they are ordered only to sort virtual synchrony sets, by
// [MembershipID.Compare].
type MembershipID struct {
	Daemon DaemonID // the daemon that made the name
	Time   int32    // seconds since 1970 on its wall clock, or a little more
}

// Compare orders ids by the sign of the wrapped 32-bit difference of their daemons, then of their
// times, as peers do (groups-protocol §10.2). It is not a total order: it can have cycles.
func (id MembershipID) Compare(other MembershipID) int {
	return cmp.Or(cmp.Compare(int32(id.Daemon-other.Daemon), 0), cmp.Compare(id.Time-other.Time, 0))
}

// String returns the id as Spread's programs print it: two signed numbers.
func (id MembershipID) String() string {
	return fmt.Sprintf("(%d, %d)", int32(id.Daemon), id.Time)
}
