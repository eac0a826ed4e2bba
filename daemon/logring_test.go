package daemon_test

import (
	"log/slog"
	"regexp"
	"testing"
	"time"

	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/daemon/localring"
	"github.com/spreadd/spreadd/daemon/localring/localringtest"
	"github.com/spreadd/spreadd/internal/testkit"
)

// TestRingLog: the log says who is missing from a new ring, with what is known of the reason, and
// how many are there.
func TestRingLog(t *testing.T) {
	log := new(testkit.Output)
	r := localringtest.Open(t, localring.Config{
		Names: []string{"alpha", "beta", "gamma"}, Log: slog.New(slog.NewTextHandler(log, nil)),
		Change: func(_ string, cfg *daemon.Config) { cfg.Linger = time.Second }, // so that a daemon announces its end
	})
	see := func(pattern string) {
		t.Helper()
		re := regexp.MustCompile(pattern)
		testkit.Wait(t, "the log has "+pattern, func() bool { return re.MatchString(log.String()) })
	}
	r.Start("alpha")
	see(`level=WARN msg="ring formed without beta gamma" on=alpha members=1/3 id=alpha:\d+ daemons=\[alpha\] .*missing="beta: (port-refuses|never-heard), gamma: (port-refuses|never-heard)"`)
	r.Start("beta")
	see(`level=WARN msg="ring formed without gamma" on=alpha members=2/3 `)
	gamma := r.Start("gamma")
	see(`level=INFO msg="ring formed" on=alpha members=3/3 id=\S+:\d+ daemons="\[alpha beta gamma\]"`)
	if err := gamma.Stop(); err != nil {
		t.Fatal(err)
	}
	see(`msg="ring formed without gamma" on=alpha .*change="gamma left: stopped in order.*missing="gamma: stopped"`)
}

// TestOtherConfigurationLog: the log names the host that runs another spread.conf.
func TestOtherConfigurationLog(t *testing.T) {
	log := new(testkit.Output)
	r := localringtest.Open(t, localring.Config{
		Names: []string{"alpha", "beta"}, Log: slog.New(slog.NewTextHandler(log, nil)),
		Change: func(name string, cfg *daemon.Config) {
			if name == "beta" {
				cfg.Engine.ConfHash++
			}
		},
	})
	r.Start("alpha")
	r.Start("beta")
	log.Wait(t, `level=WARN msg="127.0.0.1 runs another spread.conf; install the same file on all hosts and reload" on=alpha daemon=beta hash=`)
}
