package attack

import (
	crand "crypto/rand"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/daemon/localring"
	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/internal/seal"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/wire"
)

// TestDatagrams: whoever can send datagrams from the address of a daemon may at most end a ring, which
// then forms anew. Nothing is lost, and nobody waits for ever.
func TestDatagrams(t *testing.T) { run(t, datagrams()) }

// TestSealedDatagrams: in a ring with keys, the same datagrams have no effect but on counters.
func TestSealedDatagrams(t *testing.T) {
	key, err := seal.NewKey(seal.FastCipher(), crand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	list := datagrams()
	for i := range list {
		list[i].breaks = false
		list[i].change = func(cfg *daemon.Config) {
			var err error
			if cfg.RingKeys, _, err = seal.Parse("keys", fmt.Appendf(nil, "keys = [%q]\n", key.Text())); err != nil {
				t.Fatal(err)
			}
		}
		by := list[i].by
		list[i].by = func(g *target) {
			var before [3]daemon.Stats
			for j, d := range g.daemons {
				before[j] = d.Stats()
			}
			by(g)
			refused := int64(0)
			for j, d := range g.daemons {
				was, st := &before[j].Ring, d.Stats().Ring
				for _, r := range []engine.Reason{
					engine.Malformed, engine.OtherConfiguration, engine.UnknownTransmitter, engine.WrongSource, engine.UnknownKind,
				} {
					if n := st.Counts.Datagrams[r] - was.Counts.Datagrams[r]; n > 0 {
						t.Errorf("%d datagrams without the key reach the machines of daemon %s, which refuse them as %v", n, d.Name, r)
					}
				}
				if st.Monitors != was.Monitors {
					t.Errorf("requests of monitors without the key reach daemon %s: %v", d.Name, st.Monitors)
				}
				refused += st.Seal[seal.Plain] - was.Seal[seal.Plain]
			}
			if refused == 0 {
				t.Error("no datagram was refused")
			}
		}
	}
	run(t, list)
}

// datagrams are the attacks by datagrams.
func datagrams() []attack {
	return []attack{
		{name: "a sequence number that is far ahead", by: func(g *target) {
			for _, to := range g.daemons {
				g.forgePacket(to, func(p *wire.Packet) { p.Seq += 1700 })
			}
		}},
		{name: "copies of old packets", by: func(g *target) {
			for range size(200, 20_000) {
				g.forgePacket(g.daemons[1], func(p *wire.Packet) { p.Seq = 1 })
			}
		}},
		{name: "random numbers in packets", by: (*target).flipPackets},
		{name: "flow control of tokens", breaks: true, by: func(g *target) {
			g.forgeTokens(func(k *wire.Token) { k.FlowControl = 32767 })
		}},
		{name: "an aru that nobody raises", by: func(g *target) {
			g.forgeTokens(func(k *wire.Token) { k.AruLast = 12345 })
		}},
		{name: "a seq that nobody has counted", by: func(g *target) {
			g.forgeTokens(func(k *wire.Token) { k.Seq += 1700 })
		}},
		{name: "random numbers in tokens", breaks: true, by: (*target).flipTokens},
		{name: "commands of monitors", by: func(g *target) { g.monitors(size(500, 50_000)) }},
		{name: "noise", by: func(g *target) { g.noise(size(500, 50_000)) }},
		{name: "form tokens", breaks: true, by: func(g *target) { g.forgeForms(size(10, 300)) }},
		{name: "requests for the token", by: func(g *target) { g.hurry(size(200, 20_000)) }},
		{name: "packets to be repeated", by: func(g *target) {
			for i := range size(200, 20_000) {
				g.forgePacket(g.daemons[i%3], func(p *wire.Packet) {
					p.Seq = 1
					p.Type |= wire.PacketRouted
				})
			}
		}},
		{name: "searches, newcomers and announced ends", breaks: true, by: func(g *target) { g.memberships(size(30, 1000)) }},
	}
}

// memberships sends what daemons say to each other when they form a ring, in the name of members.
func (g *target) memberships(n int) {
	for i := range n {
		g.forgeMembership(g.daemons[i%3], i/3)
		time.Sleep(time.Millisecond) //house:sleep so that a new ring can form in between
	}
	g.formed()
}

// forgeMembership sends a daemon an ALIVE, a JOIN or a REFER of the one before it, in turn.
func (g *target) forgeMembership(to *localring.Daemon, turn int) {
	const o = wire.LittleEndian
	from := g.before(to)
	ring := to.Stats().Ring.Status.Ring.ID
	p := wire.Packet{ByteOrder: o, Transmitter: from, Proc: from, Membership: ring, ConfHash: to.Config.Engine.ConfHash}
	switch turn % 3 {
	case 0:
		p.Type, p.Body = wire.PacketAlive, wire.AppendMembers(nil, o, 0, from)
	case 1:
		p.Type = wire.PacketJoin
		p.Body = wire.AppendReps(wire.AppendMembers(nil, o, 0, from), o, 0, wire.Rep{Daemon: from, Kind: wire.RepSegment})
	case 2:
		p.Type = wire.PacketRefer
	}
	g.send(to, false, p.Append(nil))
}

// forgeForms sends each daemon FORM1 and FORM2 tokens in the name of the one before it: first with right
// numbers, then with others, and at last while a ring forms.
func (g *target) forgeForms(n int) {
	const o = wire.LittleEndian
	rng := rand.New(rand.NewPCG(7, 8))
	var all []wire.DaemonID
	for _, d := range g.daemons {
		all = append(all, d.Config.Engine.Self)
	}
	for i := range n {
		for _, to := range g.daemons {
			from, self, st := g.before(to), to.Config.Engine.Self, to.Stats().Ring.Status.Ring
			next := wire.MembershipID{Daemon: from, Time: st.ID.Time + 1 + int32(i)}
			entry := wire.RingValue{Membership: st.ID, Aru: st.Aru, HighestSeq: st.Highest, Commit: all, NumTrans: len(all)}
			v := wire.FormValue{
				Members: []wire.DaemonID{from}, Pending: []wire.DaemonID{self}, RepIndex: 1, ID: next,
				Reps:  []wire.Rep{{Daemon: from, Kind: wire.RepSegment}, {Daemon: self, Kind: wire.RepSegment}},
				Rings: []wire.RingValue{entry},
			}
			if i > n/2 {
				g.forgeMembership(to, i)
			}
			kind := []wire.RingType{wire.TokenForm1, wire.TokenForm2}[i%2]
			body := v.Append(nil, o, kind)
			if i > n/3 {
				for range 1 + rng.IntN(4) {
					body[rng.IntN(len(body))] = byte(rng.Uint32())
				}
			}
			k := wire.Token{Type: kind, Transmitter: from, Proc: from, Membership: next, ConfHash: to.Config.Engine.ConfHash, Body: body}
			g.send(to, true, k.Append(nil))
		}
		time.Sleep(time.Millisecond) //house:sleep so that a new ring can form in between
	}
	g.formed()
}

// hurry asks the daemons for the token, in the name of members.
func (g *target) hurry(n int) {
	for i := range n {
		to := g.daemons[i%3]
		from := g.before(to)
		p := wire.Packet{
			Type: wire.PacketHurry, Transmitter: from, Proc: from, Membership: to.Stats().Ring.Status.Ring.ID, ConfHash: to.Config.Engine.ConfHash,
		}
		g.send(to, false, p.Append(nil))
	}
}

// send sends a datagram to a daemon's data port, or to its token port.
func (g *target) send(to *localring.Daemon, token bool, b []byte) {
	g.t.Helper()
	port := to.Config.Port
	if token {
		port++
	}
	c, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)))
	if err != nil {
		g.t.Fatal(err)
	}
	_, err = c.Write(b)
	if err := errors.Join(err, c.Close()); err != nil {
		g.t.Fatal(err)
	}
}

// forgePacket sends a daemon a packet that the daemon before it in the ring seems to have made next.
func (g *target) forgePacket(to *localring.Daemon, edit func(p *wire.Packet)) {
	st := to.Stats().Ring.Status.Ring
	message := wire.Message{
		Header:      wire.Header{Type: wire.FIFO, Sender: wire.MakeName("#x#a"), Hint: wire.MakeHint(1)},
		GroupFields: make([]byte, wire.NameLen),
	}
	copy(message.GroupFields, "nobody")
	body := message.Append(nil)
	from := g.before(to)
	p := wire.Packet{
		Type: wire.PacketFIFO, Transmitter: from, Proc: from, Membership: st.ID, Seq: st.Highest + 1, ConfHash: to.Config.Engine.ConfHash,
		First: wire.FragmentHeader{Index: -1, Len: int16(len(body))}, Body: body,
	}
	edit(&p)
	g.send(to, false, p.Append(nil))
}

// before returns the daemon before another one in the ring.
func (g *target) before(d *localring.Daemon) wire.DaemonID {
	for i, other := range g.daemons {
		if other == d {
			return g.daemons[(i+len(g.daemons)-1)%len(g.daemons)].Config.Engine.Self
		}
	}
	return 0
}

// forgeTokens sends each daemon a token of each round that it may expect, with right numbers but for
// what edit changes.
func (g *target) forgeTokens(edit func(k *wire.Token)) {
	for range size(3, 30) {
		for _, to := range g.daemons {
			st := to.Stats().Ring.Status.Ring
			for arq := range uint8(16) {
				k := wire.Token{
					Type: wire.RingType(0).WithARQ(arq), Transmitter: g.before(to), Proc: g.before(to), Membership: st.ID,
					Seq: st.Highest, Aru: st.Aru, AruLast: g.before(to), ConfHash: to.Config.Engine.ConfHash,
				}
				edit(&k)
				g.send(to, true, k.Append(nil))
			}
		}
		time.Sleep(10 * time.Millisecond) //house:sleep the ring goes on between two salvos
	}
	g.formed()
}

// formed waits until all daemons are in one ring again.
func (g *target) formed() {
	g.t.Helper()
	testkit.Wait(g.t, "one ring", func() bool {
		for _, d := range g.daemons {
			if len(d.Members()) != len(g.daemons) || d.Stats().Ring.Status.Ring.ID != g.daemons[0].Stats().Ring.Status.Ring.ID {
				return false
			}
		}
		return true
	})
}

func (g *target) flipPackets() {
	rng := rand.New(rand.NewPCG(1, 2))
	for range size(200, 20_000) {
		g.forgePacket(g.daemons[rng.IntN(3)], func(p *wire.Packet) {
			switch rng.IntN(3) {
			case 0:
				p.Seq = int32(rng.Uint32())
			case 1:
				p.Proc = wire.DaemonID(rng.Uint32())
			case 2:
				p.Seq += 100 + rng.Int32N(10_000)
				p.TokenRound = int32(rng.Uint32())
			}
		})
	}
}

func (g *target) flipTokens() {
	rng := rand.New(rand.NewPCG(3, 4))
	g.forgeTokens(func(k *wire.Token) {
		switch rng.IntN(5) {
		case 0:
			k.Seq = int32(rng.Uint32())
		case 1:
			k.Aru = int32(rng.Uint32())
		case 2:
			k.FlowControl = int16(rng.Uint32())
		case 3:
			k.AruLast = wire.DaemonID(rng.Uint32())
		case 4:
			k.Body = make([]byte, rng.IntN(1000))
			for i := range k.Body {
				k.Body[i] = byte(rng.Uint32())
			}
		}
	})
}

// monitors floods the daemons with commands of monitors, which are refused or limited.
func (g *target) monitors(n int) {
	for i := range n {
		to := g.daemons[i%3]
		id := to.Config.Engine.Self
		kind := []wire.RingType{wire.PacketReload, wire.PacketPartition, wire.PacketFlowControl, wire.PacketStatus}[i%4]
		p := wire.Packet{Type: kind, Transmitter: id, Proc: id, Seq: 9, ConfHash: to.Config.Engine.ConfHash, Body: make([]byte, 12)}
		g.send(to, false, p.Append(nil))
	}
}

// noise sends random bytes to both ports.
func (g *target) noise(n int) {
	rng := rand.New(rand.NewPCG(5, 6))
	for i := range n {
		b := make([]byte, 1+rng.IntN(1472))
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		g.send(g.daemons[i%3], i%2 == 0, b)
	}
}
