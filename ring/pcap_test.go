package ring

import (
	"net/netip"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/internal/testkit/pcap"
)

// captured is one UDP datagram of a capture, as a ring machine sees it.
type captured struct {
	at      clock.Time // since the first one, plus a second
	from    netip.Addr
	to      netip.AddrPort
	payload []byte
}

func readPcap(t testing.TB, file string) (list []captured) {
	t.Helper()
	for _, d := range pcap.Read(t, file) {
		list = append(list, captured{clock.Time(d.At + time.Second), d.From.Addr(), d.To, d.Payload})
	}
	return list
}
