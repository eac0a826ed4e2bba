package ring

import (
	"encoding/binary"
	"net/netip"
	"os"
	"testing"

	"github.com/spreadd/spreadd/internal/clock"
)

// captured is one UDP datagram of a capture.
type captured struct {
	at      clock.Time // since the first one, plus a second
	from    netip.Addr
	to      netip.AddrPort
	payload []byte
}

// readPcap reads a capture of Ethernet frames with IPv4 and UDP, in the classic
// format with microseconds or nanoseconds.
func readPcap(t testing.TB, file string) (list []captured) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const fileHeader, recordHeader, ethernet, udp = 24, 16, 14, 8
	o := binary.LittleEndian
	unit := int64(1000)
	switch magic := o.Uint32(b); magic {
	case 0xa1b2c3d4:
	case 0xa1b23c4d:
		unit = 1
	default:
		t.Fatalf("%s: magic %08x", file, magic)
	}
	var origin int64
	for b = b[fileHeader:]; len(b) > 0; {
		at := int64(o.Uint32(b))*1e9 + int64(o.Uint32(b[4:]))*unit
		n := int(o.Uint32(b[8:]))
		ip := b[recordHeader+ethernet : recordHeader+n]
		b = b[recordHeader+n:]
		head := int(ip[0]&0xf) * 4
		if binary.BigEndian.Uint16(ip[6:])&0x3fff != 0 {
			t.Fatalf("%s: an IP fragment", file)
		}
		body := ip[head:binary.BigEndian.Uint16(ip[2:])]
		if origin == 0 {
			origin = at - 1e9
		}
		list = append(list, captured{
			at:      clock.Time(at - origin),
			from:    netip.AddrFrom4([4]byte(ip[12:16])),
			to:      netip.AddrPortFrom(netip.AddrFrom4([4]byte(ip[16:20])), binary.BigEndian.Uint16(body[2:])),
			payload: body[udp:],
		})
	}
	return list
}
