package transport

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// refusals waits until hosts have refused datagrams, and returns those of which daemons.
func (h *host) refusals() []wire.DaemonID {
	for deadline := time.Now().Add(testkit.Patience); time.Now().Before(deadline); {
		h.poller.Wait(time.Until(deadline), h.HaveWork)
		if all := h.Refused(); len(all) > 0 {
			return all
		}
	}
	return nil
}

// TestRefused: the host of a daemon that has ended refuses what is sent to it. Datagrams to others
// arrive all the same.
func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		name  string
		addrs []string
	}{{"IPv4", []string{"127.0.0.1", "127.0.0.2"}}, {"IPv6", []string{"::1", "::1"}}} {
		t.Run(tt.name, func(t *testing.T) {
			var segs []topology.Segment
			for i, a := range tt.addrs {
				segs = append(segs, topology.Segment{Port: freePort(t), Daemons: []topology.Daemon{
					{ID: wire.DaemonID(i + 1), Name: string(rune('a' + i)), Addr: netip.MustParseAddr(a)},
				}})
			}
			h := open(t, segs, func(c *Config) {
				c.Refused = true
				c.Interfaces = []Interface{{c.Topology.Daemon(c.Self).Addr, UseDaemon}}
			})
			if err := h[1].Close(); err != nil {
				t.Fatal(err)
			}
			for i, to := range []topology.Target{topology.ToTokenPort(2), topology.ToDaemon(2)} {
				const more = 5
				if err := h[0].Send([]topology.Datagram{dgram(to, i, 0)}); err != nil {
					t.Fatal(err)
				}
				if got := h[0].refusals(); !slices.Equal(got, []wire.DaemonID{2}) {
					t.Fatalf("%v have refused, want 2", got)
				}
				// The error of an earlier datagram does not lose others.
				for n := range more {
					if err := h[0].Send([]topology.Datagram{dgram(to, n, 0), dgram(topology.ToDaemon(1), n, 0)}); err != nil {
						t.Fatal(err)
					}
				}
				if got := h[0].collect(t, more); len(got) != more {
					t.Fatalf("received %v, want %d", got, more)
				}
			}
			if st := h[0].Stats(); st.SendFailed != [NumSendFailures]int64{} || st.Refused < 2 || st.Dubious != 0 {
				t.Errorf("counts %+v", st)
			}
		})
	}
}

// TestRefusedLate: a refusal of what was not sent lately is not believed.
func TestRefusedLate(t *testing.T) {
	h := loopback(t, 2, false, func(c *Config) { c.Refused = true })
	s := h[0].sender
	to := s.to.tokens[1]
	if _, known := s.refused(to.at, time.Now()); known {
		t.Error("believed before anything was sent")
	}
	if err := h[0].Send([]topology.Datagram{dgram(topology.ToTokenPort(2), 1, 0)}); err != nil {
		t.Fatal(err)
	}
	if id, known := s.refused(to.at, time.Now()); !known || id != 2 {
		t.Errorf("daemon %d, known %v, after something was sent", id, known)
	}
	if _, known := s.refused(to.at, time.Now().Add(2*refusedAge)); known {
		t.Error("believed too late")
	}
	if _, known := s.refused(netip.MustParseAddrPort("127.0.0.9:9"), time.Now()); known {
		t.Error("believed of an address that is not configured")
	}
}
