package groups

import (
	"path/filepath"
	"testing"

	"github.com/spreadd/spreadd/internal/testkit/pcap"
	"github.com/spreadd/spreadd/wire"
)

// captured is what a capture shows of the groups: rings that are formed, and whole messages, once
// each.
type captured struct {
	ring    *wire.FormValue // or
	id      wire.MembershipID
	maker   wire.DaemonID
	message []byte
}

// readCapture returns the formations, at the places of their last FORM2 tokens, where most times
// are filled in, and the messages in order of arrival.
func readCapture(t testing.TB, name string) (list []captured) {
	t.Helper()
	type place struct {
		id  wire.MembershipID
		seq int32
	}
	formed := make(map[wire.MembershipID]int) // to the place in list
	seen := make(map[place]bool)
	partial := make(map[wire.DaemonID][]byte)
	for _, d := range pcap.Read(t, filepath.Join("..", "wire", "testdata", "membership", name+".pcap")) {
		if d.Token() {
			var tok wire.Token
			var form wire.Form
			if err := tok.Decode(d.Payload); err != nil {
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
		if err := p.Decode(d.Payload); err != nil {
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
