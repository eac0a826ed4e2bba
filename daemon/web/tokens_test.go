package web_test

import (
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/daemon/localring"
	"github.com/spreadd/spreadd/daemon/localring/localringtest"
	"github.com/spreadd/spreadd/daemon/status"
	"github.com/spreadd/spreadd/daemon/transport"
	"github.com/spreadd/spreadd/daemon/web/webtest"
	"github.com/spreadd/spreadd/internal/prom/promtest"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/wire"
)

// noTokens loses the tokens of one daemon.
type noTokens struct {
	on   atomic.Bool
	from wire.DaemonID
}

func (f *noTokens) Arrived(_ netip.Addr, token bool, datagram []byte) transport.Fate {
	return transport.Fate{Drop: token && f.on.Load() && transport.Transmitter(token, datagram) == f.from}
}

// TestTokensBlocked: the tokens of beta do not arrive at gamma, and everything else does. The verdict
// names the direction and the port.
func TestTokensBlocked(t *testing.T) {
	t.Parallel()
	filter := new(noTokens)
	all := localringtest.Open(t, localring.Config{
		Names: []string{"alpha", "beta", "gamma"},
		Change: func(name string, cfg *daemon.Config) {
			if name == "gamma" {
				cfg.Ring.Filter = filter
			}
		},
	}).StartAll()
	filter.from = all[1].Config.Engine.Self
	url := webtest.Serve(t, all[0], nil)
	filter.on.Store(true)
	testkit.Wait(t, "the direction to be named", func() bool {
		c := promtest.JSON[status.Cluster](t, url+"/status/cluster")
		want := fmt.Sprintf("beta sends form tokens to gamma, and none arrives (is UDP %d open from beta to gamma?)", c.Daemons[2].Port+1)
		found := false
		for _, r := range c.Reasons {
			if r.Code == status.OneWay && r.Text != want {
				t.Fatalf("reason %+v, want %s", r, want)
			}
			found = found || r.Text == want
		}
		return found
	})
	testkit.Wait(t, "beta to name gamma", func() bool {
		s, err := all[1].Status(t.Context())
		return err == nil && len(s.Reasons) > 0 && strings.Contains(s.Reasons[0].Text, "it sends form tokens to gamma (are UDP")
	})
}
