package ring

import (
	"fmt"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/wire"
)

// TestOverhead: with an overhead, every datagram leaves room for it, packets are full, and messages
// of all lengths arrive as they were sent (sealing §4).
func TestOverhead(t *testing.T) {
	const overhead = 48
	for _, size := range []int{1, 200, 1250, 1300, 1350, 1383, 1384, 1385, 2800, 8000, wire.MaxMessage - textLen} {
		n := newNetwork(t, Config{PersonalWindow: 40, Overhead: overhead}, []string{"A", "B"})
		n.form(n.nodes...)
		a, b := n.nodes[0], n.nodes[1]
		packets, bytes := 0, 0
		n.deliver = func(_, to *node, token bool, d []byte) {
			if len(d) > wire.MaxPacket-overhead {
				t.Errorf("size %d: a datagram of %d bytes, at most %d leave room", size, len(d), wire.MaxPacket-overhead)
			}
			if !token && to == b && len(d) > wire.PacketHeaderLen {
				packets++
				bytes += len(d) - wire.PacketHeaderLen
			}
			to.put(token, d)
		}
		messages := 30
		if size > 10000 {
			messages = 3
		}
		var want []string
		for i := range messages {
			body := fmt.Sprint(i, " ") + strings.Repeat("x", size)
			if size > 10000 {
				body = body[:size]
			}
			want = append(want, body)
			m := text("A", FIFO, body)
			a.ring.Submit(n.now, m, &a.out)
			n.done(a)
		}
		n.runIdle(200)
		if got := strings.Join(b.texts, "\n"); got != strings.Join(want, "\n") {
			t.Errorf("size %d: %d of %d messages arrived as they were sent", size, len(b.texts), messages)
		}
		// All but the last packet of a turn are full but for alignment and what is not worth a
		// split.
		if least := bytes/(wire.MaxPacketBody-overhead) + messages*(size+200)/(1384*30) + 4; size > 100 && packets > least {
			t.Errorf("size %d: %d packets for %d bytes, at most %d expected", size, packets, bytes, least)
		}
	}
}
