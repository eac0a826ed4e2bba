package membership

import (
	"encoding/binary"
	"net/netip"
	"os"
	"testing"
	"time"
)

// captured is one UDP datagram of a capture.
type captured struct {
	n       int           // number in its file, from 1
	at      time.Duration // since the first datagram
	start   time.Duration // of the first datagram, since 1970
	from    netip.Addr
	to      netip.AddrPort
	payload []byte
}

// token reports whether the datagram went to a token port, which in the
// captures are the even ones.
func (d *captured) token() bool { return d.to.Port()%2 == 0 }

// readPcap reads a capture of Ethernet frames with IPv4 and UDP, in the classic
// format. IP fragments are put together.
func readPcap(t testing.TB, file string) (list []captured) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const fileHeader, recordHeader, ethernet, udp = 24, 16, 14, 8
	var o binary.ByteOrder = binary.LittleEndian
	unit := time.Microsecond
	switch magic := o.Uint32(b); magic {
	case 0xa1b2c3d4:
	case 0xa1b23c4d:
		unit = time.Nanosecond
	default:
		t.Fatalf("%s: magic %08x", file, magic)
	}
	parts := make(map[string][]byte)
	var start time.Duration
	for b = b[fileHeader:]; len(b) > 0; {
		at := time.Duration(o.Uint32(b))*time.Second + time.Duration(o.Uint32(b[4:]))*unit
		n := int(o.Uint32(b[8:]))
		ip := b[recordHeader+ethernet : recordHeader+n]
		b = b[recordHeader+n:]
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
		if start == 0 {
			start = at
		}
		list = append(list, captured{
			n:       len(list) + 1,
			at:      at - start,
			start:   start,
			from:    netip.AddrFrom4([4]byte(ip[12:16])),
			to:      netip.AddrPortFrom(netip.AddrFrom4([4]byte(ip[16:20])), binary.BigEndian.Uint16(body[2:])),
			payload: body[udp:],
		})
	}
	return list
}
