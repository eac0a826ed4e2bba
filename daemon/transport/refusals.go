package transport

import (
	"net/netip"
	"slices"
	"time"

	"github.com/spreadd/spreadd/wire"
)

// refusedAge is how long ago a datagram may have been sent that a host refuses. Reports of older
// ones are forged, or too old to mean anything.
const refusedAge = time.Second

// refuser reports which destinations refuse datagrams.
type refuser interface {
	// pending reports whether the owner's last wait found something to report.
	pending() bool
	// refused returns the destinations that have refused datagrams. A destination may occur twice.
	refused() []netip.AddrPort
	// ignore ends the reports.
	ignore()
}

// Refused returns the daemons whose hosts have refused a datagram since the last call, because no
// process has the port open (ICMP port unreachable). Each daemon occurs once. It returns none without
// [Config.Refused], and on systems other than Linux.
func (t *Transport) Refused() []wire.DaemonID {
	if t.refuser == nil || !t.refuser.pending() {
		return nil
	}
	now := time.Now()
	var all []wire.DaemonID
	for _, a := range t.refuser.refused() {
		id, known := t.sender.refused(a, now)
		if !known {
			t.count.dubious.Add(1)
			continue
		}
		t.count.refused.Add(1)
		if !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	return all
}

// refused returns the daemon with a port to which something was sent lately.
func (s *sender) refused(a netip.AddrPort, now time.Time) (wire.DaemonID, bool) {
	for _, list := range [...][]*destination{s.to.tokens, s.to.data} {
		for rank, d := range list {
			if d.at.Port() == a.Port() && d.at.Addr().WithZone("") == a.Addr() {
				return s.top.Daemons()[rank].ID, now.Sub(d.sent) <= refusedAge
			}
		}
	}
	return 0, false
}
