package daemon

import (
	"bytes"
	"context"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/membership"
	"github.com/spreadd/spreadd/ring"
	"github.com/spreadd/spreadd/wire"
)

// TestHostileDatagrams: the daemon survives random bytes, truncated packets and packets with
// flipped bits from a member's address, and counts all of them.
func TestHostileDatagrams(t *testing.T) {
	cfg, addr := reachable(t)
	d := start(t, cfg)
	m := newMonitor(t, addr)
	m.status()
	before := d.Stats().Ring.Transport.Packets
	rng := rand.New(rand.NewPCG(1, 2))
	packet := wire.Packet{
		Type: wire.PacketAgreed, Transmitter: alphaID, Proc: alphaID, Seq: 1, ConfHash: testHash,
		First: wire.FragmentHeader{Index: -1, Len: 60}, Body: make([]byte, 60),
	}
	sound := packet.Append(nil)
	const count = 500
	for i := range count {
		var b []byte
		switch i % 3 {
		case 0:
			b = make([]byte, 1+rng.IntN(1472))
			for i := range b {
				b[i] = byte(rng.Uint32())
			}
		case 1:
			b = sound[:1+rng.IntN(len(sound)-1)]
		case 2:
			b = bytes.Clone(sound)
			b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
		}
		if _, err := m.conn.WriteToUDPAddrPort(b, m.to); err != nil {
			t.Fatal(err)
		}
		if i%50 == 49 {
			m.status() // The socket's buffer must not overflow.
		}
	}
	if st := m.status(); st.State != int32(membership.StateOp) || st.MembershipChanges != 1 {
		t.Errorf("after all that: %+v", st)
	}
	st := d.Stats().Ring
	var sum int64
	for _, n := range st.Counts.Datagrams {
		sum += n
	}
	if got := st.Transport.Packets - before; got < count || sum < got {
		t.Errorf("%d datagrams came in, %d are accounted for", got, sum)
	}
	for _, r := range []engine.Reason{engine.Malformed, engine.OtherConfiguration, engine.UnknownTransmitter, engine.Own} {
		if st.Counts.Datagrams[r] == 0 {
			t.Errorf("none was refused as %v: %v", r, st.Counts.Datagrams)
		}
	}
	c := connect(t, d, 0, "a", wire.FlagMembership)
	c.join("grp")
}

// TestRefusedReport: suspicious datagrams are reported once, with their number.
func TestRefusedReport(t *testing.T) {
	var out strings.Builder
	log := slog.New(slog.NewTextHandler(&out, nil))
	var r refused
	var c engine.Counts
	c.Datagrams[engine.Own] = 7
	c.Ring[ring.Duplicate] = 7
	c.Membership.Reasons[membership.NotInState] = 7
	r.report(log, c)
	if out.String() != "" {
		t.Errorf("what is normal is reported: %s", &out)
	}
	c.Datagrams[engine.WrongSource] = 3
	c.Ring[ring.TooFar] = 2
	c.Membership.Reasons[membership.BadKind] = 1
	r.report(log, c)
	for _, want := range []string{" wrong_source=3", " ring_too_far=2", " membership_bad_kind=1"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report lacks %q: %s", want, &out)
		}
	}
	out.Reset()
	r.report(log, c)
	if out.String() != "" {
		t.Errorf("said again: %s", &out)
	}
	c.Datagrams[engine.WrongSource] = 5
	r.report(log, c)
	if !strings.Contains(out.String(), " wrong_source=2\n") {
		t.Errorf("what is new: %s", &out)
	}
}

// TestRefusedReportComes: the owner reports regularly.
func TestRefusedReportComes(t *testing.T) {
	var mu sync.Mutex
	var out bytes.Buffer
	cfg := testConfig(t, "alpha", alphaID)
	cfg.Log = slog.New(slog.NewTextHandler(writerFunc(func(b []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return out.Write(b)
	}), nil))
	d, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.owner.reportEvery = time.Millisecond
	var o engine.Effects
	d.owner.engine.HandleToken(1, 1000, cfg.Listen[0].Addr(), []byte("nonsense"), &o)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	testkit.Wait(t, "the report in the log", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return strings.Contains(out.String(), "malformed=1")
	})
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

type writerFunc func(b []byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
