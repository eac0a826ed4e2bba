package ring

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// compare compares the next datagram of the machine with the capture.
func (r *replay) compare(d *captured) error {
	if len(r.pending) == 0 {
		return fmt.Errorf("the machine does not send what the daemon did")
	}
	g, body := &r.pending[0], r.bodies[0]
	r.pending, r.bodies = r.pending[1:], r.bodies[1:]
	if to := r.target(g.To); to != d.to {
		return fmt.Errorf("sent to %v, not to %v: %s", to, d.to, r.describe(g, body))
	}
	got := append(slices.Clone(g.Head[:]), body...)
	want := slices.Clone(d.payload)
	if !g.To.Token {
		var a, b wire.Packet
		if err := errors.Join(a.Decode(got), b.Decode(want)); err != nil {
			return err
		}
		if a.TokenRound != b.TokenRound && a.Seq == b.Seq && a.Proc == r.self.ID {
			return &roundError{a.TokenRound, b.TokenRound}
		}
		clearPadding(&b)
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("sent\n\t%s, not\n\t%s", r.line(g.To.Token, got), r.line(g.To.Token, want))
	}
	return nil
}

// roundError says that a packet's token_round differs from the daemon's.
type roundError struct{ got, want int32 }

func (e *roundError) Error() string { return fmt.Sprintf("token_round %d, not %d", e.got, e.want) }

// clearPadding zeroes the bytes between fragments, which C daemons do not (ring-protocol §7.2).
func clearPadding(p *wire.Packet) {
	at := 0
	fragments := p.Fragments()
	for f, ok := fragments.Next(); ok; f, ok = fragments.Next() {
		at += len(f.Data)
		for ; at%4 != 0 && at < len(p.Body); at++ {
			p.Body[at] = 0
		}
		at += 4
	}
}

func (r *replay) target(to topology.Target) netip.AddrPort {
	if to.Daemon == 0 {
		s := r.top.Segments()[to.Segment]
		return netip.AddrPortFrom(s.Addrs[0], s.Port)
	}
	d := r.top.Daemon(to.Daemon)
	port := r.top.Segments()[d.Segment].Port
	if to.Token {
		port++
	}
	return netip.AddrPortFrom(d.Addr, port)
}

func (r *replay) describe(g *topology.Datagram, body []byte) string {
	return r.line(g.To.Token, append(slices.Clone(g.Head[:]), body...))
}

func (r *replay) line(token bool, b []byte) string {
	n := network{}
	return n.describe(token, b)
}

// checkDelivered compares the messages that all had at the end with the packets of the capture, in
// total order except for reliable ones, which may come early.
func (r *replay) checkDelivered() error {
	if r.ring.stats.MembershipChanges > 1 {
		return nil // the capture does not have what was before
	}
	var want, got []string
	reliable := make(map[string]int)
	bySeq := make(map[int32]*wire.Packet)
	for i := range r.list {
		p := new(wire.Packet)
		if d := &r.list[i]; !r.isToken(d) && p.Decode(d.payload) == nil && p.Type.Kind() == wire.KindData && p.Membership == r.ring.id {
			bySeq[p.Seq] = p
		}
	}
	parts := make(map[wire.DaemonID]string)
	for seq := int32(1); seq <= r.ring.seq.lastDiscarded; seq++ {
		p := bySeq[seq]
		if p == nil {
			continue // before the capture
		}
		fragments := p.Fragments()
		for f, ok := fragments.Next(); ok; f, ok = fragments.Next() {
			parts[p.Proc] += string(f.Data)
			if f.Index > 0 {
				continue
			}
			if p.Type&wire.PacketReliable != 0 {
				reliable[parts[p.Proc]]++
			} else {
				want = append(want, parts[p.Proc])
			}
			delete(parts, p.Proc)
		}
	}
	for _, m := range r.delivered {
		if reliable[m] > 0 {
			reliable[m]--
		} else {
			got = append(got, m)
		}
	}
	if len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
		return fmt.Errorf("%d messages were delivered, not the %d of the capture", len(got), len(want))
	}
	for m, n := range reliable {
		if n > 0 {
			return fmt.Errorf("a reliable message of %d bytes was not delivered", len(m))
		}
	}
	r.t.Logf("%d messages were delivered", len(r.delivered))
	return nil
}
