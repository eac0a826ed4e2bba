package pcap

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"testing"
	"time"
)

// Datagram is one UDP datagram of a capture.
type Datagram struct {
	N        int           // number in its file, from 1
	At       time.Duration // since the first datagram
	Start    time.Duration // of the first datagram, since 1970
	From, To netip.AddrPort
	Payload  []byte
}

// Token reports whether the datagram went to a token port, which in the
// captures are the even ones.
func (d *Datagram) Token() bool { return d.To.Port()%2 == 0 }

// String identifies the datagram.
func (d *Datagram) String() string {
	return fmt.Sprintf("datagram %d, %v to %v, %d bytes", d.N, d.From, d.To, len(d.Payload))
}

// The layers' headers.
const (
	fileHeader   = 24
	recordHeader = 16
	ethernet     = 14
	udp          = 8
)

// Read reads a capture.
func Read(t testing.TB, file string) (list []Datagram) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	o := binary.LittleEndian
	unit := time.Microsecond
	switch magic := o.Uint32(b); magic {
	case 0xa1b2c3d4:
	case 0xa1b23c4d:
		unit = time.Nanosecond
	default:
		t.Fatalf("%s: magic %08x", file, magic)
	}
	if link := o.Uint32(b[20:]); link != 1 {
		t.Fatalf("%s: link type %d is not Ethernet", file, link)
	}
	f := fragments{}
	var start time.Duration
	for b = b[fileHeader:]; len(b) > 0; {
		at := time.Duration(o.Uint32(b))*time.Second + time.Duration(o.Uint32(b[4:]))*unit
		n := int(o.Uint32(b[8:]))
		ip := b[recordHeader+ethernet : recordHeader+n]
		b = b[recordHeader+n:]
		body, whole := f.add(t, ip)
		if !whole {
			continue
		}
		if len(list) == 0 {
			start = at
		}
		addr := func(ip, port []byte) netip.AddrPort {
			return netip.AddrPortFrom(netip.AddrFrom4([4]byte(ip)), binary.BigEndian.Uint16(port))
		}
		list = append(list, Datagram{
			N: len(list) + 1, At: at - start, Start: start,
			From: addr(ip[12:16], body), To: addr(ip[16:20], body[2:]), Payload: body[udp:],
		})
	}
	if len(f) > 0 {
		t.Fatalf("%s: %d datagrams lack a fragment", file, len(f))
	}
	return list
}

// fragments are the parts of datagrams that are not whole yet.
type fragments map[string][]byte

// add takes an IP packet and returns the datagram that it is, or completes.
func (f fragments) add(t testing.TB, ip []byte) (body []byte, whole bool) {
	t.Helper()
	head := int(ip[0]&0xf) * 4
	body = ip[head:binary.BigEndian.Uint16(ip[2:])]
	flags := binary.BigEndian.Uint16(ip[6:])
	offset, more := int(flags&0x1fff)*8, flags&0x2000 != 0
	if offset == 0 && !more {
		return body, true
	}
	key := string(ip[4:6]) + string(ip[12:20])
	if offset != len(f[key]) {
		t.Fatal("IP fragments out of order")
	}
	f[key] = append(f[key], body...)
	if more {
		return nil, false
	}
	body = f[key]
	delete(f, key)
	return body, true
}
