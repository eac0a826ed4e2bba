package spreadconf

import (
	"bytes"
	"fmt"
	"net/netip"
)

// oneAtATime is Jenkins' hash over the bytes of b followed by a zero byte, with the particulars of
// the C daemon (spread-conf §10): the state starts as the number of bytes, and bytes are signed,
// which shows with non-ASCII names.
func oneAtATime(b []byte) uint32 {
	h := uint32(len(b) + 1)
	mix := func(c byte) {
		h += uint32(int32(int8(c)))
		h += h << 10
		h ^= h >> 6
	}
	for _, c := range b {
		mix(c)
	}
	mix(0)
	h += h << 3
	h ^= h >> 11
	h += h << 15
	return h
}

// DaemonID returns the id of a daemon without a VirtualID: a hash of its name, which is cut to
// MaxDaemonName bytes first (spread-conf §11).
func DaemonID(name string) uint32 {
	name = cutName(name)
	if id := oneAtATime([]byte(name)); id != 0 && id != 0xffffffff {
		return id
	}
	return uint32(len(name)+1) << 16 // the two values mean something else in the protocol
}

func cutName(name string) string { return name[:min(len(name), MaxDaemonName)] }

// Hash returns the configuration hash that a daemon starts with. Daemons with different hashes do
// not talk to each other.
func (c *Config) Hash() uint32 { return c.HashFor(c.AcceleratedAtStart()) }

// HashFor returns the configuration hash under the accelerated or the original protocol; see
// [Config.AcceleratedAfterReload].
func (c *Config) HashFor(accelerated bool) uint32 {
	return oneAtATime(c.HashTextFor(accelerated))
}

// HashTextFor returns the text that HashFor hashes (spread-conf §10). Interface lists, zones and
// all options but two are not in it.
func (c *Config) HashTextFor(accelerated bool) []byte {
	var b bytes.Buffer
	for i := range c.Segments {
		s := &c.Segments[i]
		fmt.Fprintf(&b, "Segment: port = %d;", s.Port)
		if !c.Options.ExcludeSegAddrsFromHash {
			for _, a := range s.Addrs {
				fmt.Fprintf(&b, " [%s]", canonical(a))
			}
		}
		b.WriteString("\n")
		for _, d := range s.Daemons {
			fmt.Fprintf(&b, "\t'%s' [%s] [%d]\n", d.Name, canonical(d.Addr), d.ID)
		}
		b.WriteString("\n")
	}
	protocol := "Original"
	if accelerated {
		protocol = "Accelerated"
	}
	fmt.Fprintf(&b, "Version: 5\nProtocol: %s Ring\n", protocol)
	return b.Bytes()
}

// canonical returns an address as the hash text has it: without zone, and IPv6 as eight groups of
// four digits, addresses that carry an IPv4 one included.
func canonical(a netip.Addr) string {
	if a.Is4() {
		return a.String()
	}
	return a.WithZone("").StringExpanded()
}
