package daemon

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/spreadd/spreadd/daemon/session"
	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/wire"
)

// TestSlowClient: a receiver that does not read is disconnected when its bound of messages waits.
// Others see a disconnect and lose nothing (client-protocol §12.2, vector slow-client).
func TestSlowClient(t *testing.T) {
	for addr, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			cfg := testConfig(t, "alpha", alphaID)
			cfg.Sessions.MaxSessionMessages = 10
			cfg.Grace = session.None
			d := start(t, cfg)
			watch := connect(t, d, addr, "watch", wire.FlagMembership)
			watch.join("other")
			slow := connect(t, d, addr, "slow", wire.FlagMembership)
			slow.join("grp")
			slow.write(slow.request(wire.Join, nil, "other"))
			watch.message()
			fast := connect(t, d, addr, "fast", 0)
			const size = 100_000
			sent := 0
			for d.Stats().Sessions.Ended[session.SessionSlow] == 0 {
				fast.write(fast.request(wire.FIFO, make([]byte, size), "grp"))
				sent++
			}
			gone := watch.message()
			if gone.Type != wire.RegularMembership|wire.CausedByDisconnect {
				t.Errorf("watch got %v, want a view caused by the disconnect", gone.Type)
			}
			// The client can read what is in the kernel's buffer, and then the stream ends.
			slow.message() // its view of "other"
			got := 0
			for {
				m, err := slow.next()
				if err != nil {
					if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
						t.Logf("slow ends with %v", err)
					}
					break
				}
				if len(m.Payload) != size {
					t.Errorf("a message of %d bytes", len(m.Payload))
				}
				got++
			}
			if got+10 > sent {
				t.Errorf("slow could read %d of %d messages, though 10 had to wait", got, sent)
			}
			testkit.Wait(t, "the 10 messages that waited to be counted as discarded", func() bool {
				return d.Stats().Sessions.Discarded >= 10
			})
			// The name is free again.
			connect(t, d, addr, "slow", 0)
		})
	}
}

// TestNoQueue: a bound of 0 ends a session at its first delivery.
func TestNoQueue(t *testing.T) {
	cfg := testConfig(t, "alpha", alphaID)
	cfg.Sessions.MaxSessionMessages = session.None
	d := start(t, cfg)
	c := connect(t, d, 0, "a", wire.FlagMembership)
	c.write(c.request(wire.Join, nil, "grp"))
	if _, err := c.next(); err == nil {
		t.Error("a message was delivered")
	}
	if n := d.Stats().Sessions.Ended[session.SessionSlow]; n != 1 {
		t.Errorf("%d sessions were dropped as slow, want 1", n)
	}
}

// TestHiccup: a subscriber that stops reading for a while loses nothing while a publisher sends at
// full speed, because the publisher has to wait.
func TestHiccup(t *testing.T) {
	for addr, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			cfg := testConfig(t, "alpha", alphaID)
			cfg.Grace = testkit.Patience
			d := start(t, cfg)
			sub := connect(t, d, addr, "sub", wire.FlagMembership)
			sub.join("grp")
			pub := connect(t, d, addr, "pub", 0)
			// Far more than the buffers of both sockets and the queue hold.
			const count = 60_000
			go func() {
				var b []byte
				for i := range count {
					payload := make([]byte, 200)
					binary.BigEndian.PutUint32(payload, uint32(i))
					b = append(b, pub.request(wire.Reliable, payload, "grp")...)
					if len(b) > 32<<10 || i == count-1 {
						if _, err := pub.conn.Write(b); err != nil {
							t.Errorf("publishing: %v", err)
							return
						}
						b = b[:0]
					}
				}
			}()
			testkit.Wait(t, "publishers to wait", func() bool { return d.Stats().Pauses > 0 })
			for i := range count {
				if got := binary.BigEndian.Uint32(sub.message().Payload); got != uint32(i) {
					t.Fatalf("message %d arrives in place %d", got, i)
				}
			}
			if n := d.Stats().Sessions.Discarded; n != 0 {
				t.Errorf("%d messages were discarded", n)
			}
		})
	}
}

// TestManyStopped: receivers that stop one after the other hold publishers no longer than one does.
func TestManyStopped(t *testing.T) {
	cfg := testConfig(t, "alpha", alphaID)
	cfg.Grace = 2 * time.Second
	cfg.Sessions.MaxSessionBytes = 1 << 20
	cfg.MaxMemory = 1 << 40
	d := start(t, cfg)
	pub := connect(t, d, 1, "pub", 0)
	const count = 40
	for i := range count {
		connect(t, d, 1, fmt.Sprintf("stopped%d", i), wire.FlagMembership).join(fmt.Sprintf("g%d", i))
	}
	keepsUp := func(name string) (yes bool) {
		d.call(func(o *owner) {
			for _, c := range o.clients {
				yes = yes || c.Group() == wire.MakeName("#"+name+"#alpha") && !c.slow && !c.Behind()
			}
		})
		return yes
	}
	began := time.Now()
	for i := range count {
		for keepsUp(fmt.Sprintf("stopped%d", i)) {
			pub.write(pub.request(wire.FIFO, make([]byte, 50_000), fmt.Sprintf("g%d", i)))
		}
	}
	if took := time.Since(began); took > count*cfg.Grace/4 {
		t.Errorf("%d receivers that stopped held a publisher for %v; one may for %v", count, took, cfg.Grace)
	}
}

func TestBudget(t *testing.T) {
	const (
		ms    = time.Millisecond
		limit = 200 * ms
	)
	b := newBudget(limit, 1)
	now, taken := clock.Time(1), session.Taken{}
	for _, tt := range []struct {
		what  string
		after time.Duration // since the step before
		taken session.Taken // since then
		left  time.Duration
	}{
		{"spend", 50 * ms, session.Taken{Blocked: 50 * ms}, 150 * ms},
		{"spend", 50 * ms, session.Taken{}, 150 * ms},                 // the writer was slow, not the client
		{"spend", 50 * ms, session.Taken{Blocked: 90 * ms}, 100 * ms}, // some of it was before
		{"idle", 1000 * ms, session.Taken{}, 200 * ms},                // refills 100 ms
		{"idle", 1000 * ms, session.Taken{}, 200 * ms},                // never over the limit
		{"spend", 400 * ms, session.Taken{Blocked: 400 * ms}, -200 * ms},
		{"idle", 1000 * ms, session.Taken{Blocked: 500 * ms}, -100 * ms},
		{"idle", 100 * ms, session.Taken{Messages: fairMessages / 5}, 110 * ms}, // 200 ms worth of messages
		{"spend", 100 * ms, session.Taken{Blocked: 100 * ms, Messages: fairMessages / 20}, 60 * ms},
		{"spend", 100 * ms, session.Taken{Blocked: 100 * ms, Bytes: fairBytes / 32}, -8750 * time.Microsecond}, // few, but large
		{"spend", 100 * ms, session.Taken{Blocked: 100 * ms, Messages: 100 * fairMessages}, 200 * ms},
	} {
		now = now.Add(tt.after)
		taken.Blocked += tt.taken.Blocked
		taken.Messages += tt.taken.Messages
		taken.Bytes += tt.taken.Bytes
		if tt.what == "spend" {
			b.spend(now, taken)
		} else {
			b.idle(now, taken)
		}
		if b.left != tt.left {
			t.Errorf("%s after %v, %+v: %v left, want %v", tt.what, tt.after, tt.taken, b.left, tt.left)
		}
	}
}
