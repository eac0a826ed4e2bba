package wire

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"testing"
)

// datagram is one UDP datagram of a capture.
type datagram struct {
	n       int // number in its file, from 1
	from    netip.AddrPort
	to      netip.AddrPort
	payload []byte
}

// token reports whether the datagram went to a token port, which in the
// captures are the even ones.
func (d *datagram) token() bool { return d.to.Port()%2 == 0 }

// readPcap reads a capture of Ethernet frames with IPv4 and UDP, in the classic
// format. IP fragments are put together.
func readPcap(t testing.TB, file string) (list []datagram) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const fileHeader, recordHeader, ethernet, udp = 24, 16, 14, 8
	var o binary.ByteOrder = binary.LittleEndian
	switch magic := o.Uint32(b); magic {
	case 0xa1b2c3d4, 0xa1b23c4d:
	default:
		t.Fatalf("%s: magic %08x", file, magic)
	}
	if link := o.Uint32(b[20:]); link != 1 {
		t.Fatalf("%s: link type %d is not Ethernet", file, link)
	}
	parts := make(map[string][]byte)
	for b = b[fileHeader:]; len(b) > 0; {
		n := int(o.Uint32(b[8:]))
		frame := b[recordHeader : recordHeader+n]
		b = b[recordHeader+n:]
		ip := frame[ethernet:]
		head := int(ip[0]&0xf) * 4
		ip = ip[:binary.BigEndian.Uint16(ip[2:])]
		flags := binary.BigEndian.Uint16(ip[6:])
		offset, more := int(flags&0x1fff)*8, flags&0x2000 != 0
		body := ip[head:]
		if offset > 0 || more {
			key := string(ip[4:6]) + string(ip[12:20])
			if offset != len(parts[key]) {
				t.Fatalf("%s: IP fragments out of order", file)
			}
			parts[key] = append(parts[key], body...)
			if more {
				continue
			}
			body = parts[key]
			delete(parts, key)
		}
		addr := func(ip, port []byte) netip.AddrPort {
			return netip.AddrPortFrom(netip.AddrFrom4([4]byte(ip)), binary.BigEndian.Uint16(port))
		}
		list = append(list, datagram{
			n:       len(list) + 1,
			from:    addr(ip[12:16], body),
			to:      addr(ip[16:20], body[2:]),
			payload: body[udp:],
		})
	}
	if len(parts) > 0 {
		t.Fatalf("%s: %d datagrams lack a fragment", file, len(parts))
	}
	return list
}

func (d *datagram) String() string {
	return fmt.Sprintf("datagram %d, %v to %v, %d bytes", d.n, d.from, d.to, len(d.payload))
}
