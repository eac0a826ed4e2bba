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

// TestChange: each daemon says of each membership who came and who went, and why, in its log and in
// its state.
func TestChange(t *testing.T) {
	t.Parallel()
	log := new(testkit.Output)
	all := localringtest.Open(t, localring.Config{
		Names: []string{"alpha", "beta", "gamma"},
		Log:   slog.New(slog.NewTextHandler(log, nil)),
		Change: func(name string, cfg *daemon.Config) {
			if name == "beta" {
				cfg.Linger = time.Millisecond // it stops in order
			}
		},
	}).StartAll()
	expect := func(d *localring.Daemon, text string) {
		t.Helper()
		want := regexp.MustCompile(text)
		testkit.Wait(t, "the change at "+d.Name, func() bool { return want.MatchString(d.Change()) })
	}
	expect(all[0], `joined, .*nothing lost|^first ring`)
	if err := all[1].Stop(); err != nil {
		t.Fatal(err)
	}
	for _, d := range []*localring.Daemon{all[0], all[2]} {
		expect(d, `^beta left: stopped in order, .*ms, nothing lost$`)
	}
	if err := all[2].Stop(); err != nil { // as if killed
		t.Fatal(err)
	}
	expect(all[0], `^gamma left: .*, nothing lost$`)
	log.Wait(t, `change="beta left: stopped in order, `)
	if left := all[0].Stats().Left; left[0] != 0 || sum(left[:]) != 2 {
		t.Errorf("daemons that left, by reason: %v", left)
	}
}

func sum(list []int64) (n int64) {
	for _, v := range list {
		n += v
	}
	return n
}
