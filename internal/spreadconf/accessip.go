package spreadconf

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// AccessIP is the content of spread.access_ip: who may connect under the method IP. A nil
// *AccessIP, for a file that is not there, permits nobody.
type AccessIP struct {
	unix     bool
	networks []netip.Prefix // masked, IPv4 ones never in their IPv6 form
}

// ParseAccessIP reads a file of rules, one a line (spread-conf §7.1):
//
//	# comment
//	unix                clients on the UNIX socket
//	local               clients on the loopback device: 127.0.0.0/8 and ::1
//	192.0.2.7           one address, IPv4 or IPv6
//	192.0.2.0/24        a network
//
// Empty lines are skipped, comments may also follow a rule, and the address of a network need not
// be masked. C daemons stop reading at an empty line, ignore "unix" and IPv6, and let an unmasked
// network match nobody; files that work there mean the same here. A malformed line is an [*Error]
// with CodeAccess, because guessing who may connect is worse than not starting.
func ParseAccessIP(file string, src []byte) (*AccessIP, error) {
	a := &AccessIP{}
	for line := range accessLines(file, src) {
		switch line.text {
		case "unix":
			a.unix = true
		case "local":
			a.networks = append(a.networks,
				netip.PrefixFrom(netip.AddrFrom4([4]byte{127}), 8),
				netip.PrefixFrom(netip.IPv6Loopback(), 128))
		default:
			p, ok := parseNetwork(line.text)
			if !ok {
				return nil, line.fail("`unix`, `local`, an address or ADDRESS/BITS", networkAdvice(line.text))
			}
			a.networks = append(a.networks, p)
		}
	}
	return a, nil
}

func parseNetwork(s string) (netip.Prefix, bool) {
	ip, bitsText, hasBits := strings.Cut(s, "/")
	addr, err := netip.ParseAddr(ip)
	if err != nil || addr.Zone() != "" {
		return netip.Prefix{}, false
	}
	bits := addr.BitLen()
	if hasBits {
		if len(bitsText) > 3 || !allIn(bitsText, isDigit) {
			return netip.Prefix{}, false
		}
		bits, _ = strconv.Atoi(bitsText) // three digits at most
	}
	if bits > addr.BitLen() {
		return netip.Prefix{}, false
	}
	// The sessions know IPv4 clients by their IPv4 addresses only.
	const mapped = 96 // bits in front of an IPv4 address in its IPv6 form
	if addr.Is4In6() && bits >= mapped {
		addr, bits = addr.Unmap(), bits-mapped
	}
	return netip.PrefixFrom(addr, bits).Masked(), true
}

func networkAdvice(s string) string {
	ip, _, hasBits := strings.Cut(s, "/")
	addr, err := netip.ParseAddr(ip)
	switch {
	case err == nil && addr.Zone() != "":
		return "remove the zone"
	case err == nil && hasBits:
		return "write a number from 0 to " + strconv.Itoa(addr.BitLen()) + " behind the slash"
	case looksIPv4(ip):
		return "write each number from 0 to 255, without leading zeros"
	case strings.EqualFold(s, "unix"), strings.EqualFold(s, "local"):
		return "write " + strings.ToLower(s)
	default:
		return "write one rule a line, with all four numbers of an IPv4 address; names are not looked up"
	}
}

// Permits reports whether a client may connect: the one at addr or, if unix is true, one on the
// UNIX socket, whose addr does not matter.
func (a *AccessIP) Permits(addr netip.Addr, unix bool) bool {
	if a == nil {
		return false
	}
	if unix {
		return a.unix
	}
	addr = addr.Unmap().WithZone("")
	return slices.ContainsFunc(a.networks, func(p netip.Prefix) bool { return p.Contains(addr) })
}
