package daemon_test

import (
	"log/slog"
	"net/netip"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/daemon/localring"
	"github.com/spreadd/spreadd/daemon/localring/localringtest"
	"github.com/spreadd/spreadd/daemon/transport"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/wire"
)

// deaf loses what one daemon sends, at the daemon that has it as its filter.
type deaf struct {
	on   atomic.Bool
	from wire.DaemonID
}

func (d *deaf) Arrived(_ netip.Addr, token bool, datagram []byte) transport.Fate {
	from := transport.Transmitter(token, datagram)
	return transport.Fate{Drop: d.on.Load() && from == d.from}
}

// TestOneWayLoss: gamma does not receive what beta sends, so no ring can form. Each daemon says so,
// and what it knows: gamma that beta is silent, the others that gamma does not hear beta.
func TestOneWayLoss(t *testing.T) {
	t.Parallel()
	log := new(testkit.Output)
	filter := new(deaf)
	all := localringtest.Open(t, localring.Config{
		Names: []string{"alpha", "beta", "gamma"},
		Log:   slog.New(slog.NewTextHandler(log, nil)),
		Change: func(name string, cfg *daemon.Config) {
			cfg.Engine.Early = false // gamma has no ring of its own
			if name == "gamma" {
				cfg.Ring.Filter = filter
			}
		},
	}).StartAll()
	filter.from = all[1].Config.Engine.Self
	if strings.Contains(log.String(), "cannot form a ring") {
		t.Errorf("a warning at a start as usual:\n%s", log)
	}
	filter.on.Store(true)
	for _, want := range []string{
		`on=alpha for=.* state=.* heard="\[beta gamma\]" not_heard=\[\] they_hear="beta: .*; gamma: alpha" form_token_from=.* form_token_to=`,
		`on=beta for=.* state=.* heard="\[alpha gamma\]" not_heard=\[\] they_hear="alpha: .*; gamma: alpha" form_token_from=.* form_token_to=`,
		`on=gamma for=.* state=.* heard=\[alpha\] not_heard=\[beta\] they_hear="alpha: .*" form_token_from=.* form_token_to=`,
	} {
		line := regexp.MustCompile(`level=WARN msg="cannot form a ring[^"]*" ` + want)
		testkit.Wait(t, "a warning with "+want, func() bool { return line.MatchString(log.String()) })
	}
	for _, d := range all {
		testkit.Wait(t, d.Name+" to be not ready", func() bool {
			err := d.Serving(t.Context())
			return err != nil && regexp.MustCompile(`^in no ring that works for \d+ s \(state [A-Z]+\)`).MatchString(err.Error())
		})
	}
	filter.on.Store(false)
	for _, d := range all {
		testkit.Wait(t, "the end of the outage at "+d.Name, func() bool {
			return strings.Contains(log.String(), `msg="a ring has formed" on=`+d.Name)
		})
		testkit.Wait(t, d.Name+" to be ready", func() bool { return d.Serving(t.Context()) == nil })
	}
}
