//go:build !linux && !darwin && !freebsd

package peercred

import "net/netip"

// peerOf is not available on this system.
func peerOf(int) (uid int, ok bool) { return 0, false }

// OfListener is not available on this system.
func OfListener(netip.AddrPort) (uid int, ok bool) { return 0, false }
