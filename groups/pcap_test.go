package groups

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/spreadd/spreadd/wire"
)

// datagram is one UDP datagram of a capture: a token, or else a packet.
type datagram struct {
	token   bool // went to a token port, which in the captures are the even ones
	payload []byte
}

// readPcap reads a capture of Ethernet frames with IPv4 and UDP. Only tokens came
// in IP fragments, in order.
func readPcap(t testing.TB, name string) (list []datagram) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "wire", "testdata", "membership", name+".pcap"))
	if err != nil {
		t.Fatal(err)
	}
	const fileHeader, recordHeader, ethernet, udp = 24, 16, 14, 8
	o := binary.LittleEndian
	parts := make(map[string][]byte)
	for b = b[fileHeader:]; len(b) > 0; {
		n := int(o.Uint32(b[8:]))
		ip := b[recordHeader+ethernet : recordHeader+n]
		b = b[recordHeader+n:]
		ip = ip[:binary.BigEndian.Uint16(ip[2:])]
		body := ip[int(ip[0]&0xf)*4:]
		if flags := binary.BigEndian.Uint16(ip[6:]); flags&0x3fff != 0 {
			key := string(ip[4:6]) + string(ip[12:20])
			parts[key] = append(parts[key], body...)
			if flags&0x2000 != 0 {
				continue
			}
			body = parts[key]
		}
		list = append(list, datagram{
			token:   binary.BigEndian.Uint16(body[2:])%2 == 0,
			payload: body[udp:],
		})
	}
	return list
}

// captured is what a capture shows of the groups: rings that are formed, and
// messages that are whole, each once.
type captured struct {
	ring    *wire.FormValue // or
	id      wire.MembershipID
	maker   wire.DaemonID
	message []byte
}

// readCapture returns the formations at the place of their last FORM2 tokens, which
// have most of the times filled in, and the messages as they came.
func readCapture(t testing.TB, name string) (list []captured) {
	t.Helper()
	type place struct {
		id  wire.MembershipID
		seq int32
	}
	formed := make(map[wire.MembershipID]int) // to the place in list
	seen := make(map[place]bool)
	partial := make(map[wire.DaemonID][]byte)
	for _, d := range readPcap(t, name) {
		if d.token {
			var tok wire.Token
			var form wire.Form
			if err := tok.Decode(d.payload); err != nil {
				t.Fatal(err)
			}
			if tok.Type&wire.TokenForm2 == 0 {
				continue
			}
			if err := form.Decode(&tok); err != nil {
				t.Fatal(err)
			}
			if form.Members.Len() == 0 {
				continue // the id is not written yet
			}
			v := form.Value()
			if i, ok := formed[v.ID]; ok {
				list[i] = captured{} // a later one knows more
			}
			formed[v.ID] = len(list)
			list = append(list, captured{ring: &v})
			continue
		}
		var p wire.Packet
		if err := p.Decode(d.payload); err != nil {
			t.Fatal(err)
		}
		if p.Type.Kind() != wire.KindData || seen[place{p.Membership, p.Seq}] {
			continue
		}
		seen[place{p.Membership, p.Seq}] = true
		it := p.Fragments()
		for {
			f, ok := it.Next()
			if !ok {
				break
			}
			if f.Index == 1 || f.Index == -1 {
				partial[p.Proc] = nil
			}
			partial[p.Proc] = append(partial[p.Proc], f.Data...)
			if f.Index < 0 {
				list = append(list, captured{id: p.Membership, maker: p.Proc, message: partial[p.Proc]})
				partial[p.Proc] = nil
			}
		}
	}
	return list
}
