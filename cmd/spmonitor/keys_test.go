package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/daemon/localring"
	"github.com/spreadd/spreadd/daemon/localring/localringtest"
	"github.com/spreadd/spreadd/daemon/settings"
	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/seal"
	"github.com/spreadd/spreadd/internal/testkit"
)

// TestKeys: spmonitor keys shows the keys of a sealed ring, changes the one in use when all daemons
// have it, and refuses before. Reports come through sealed, and not without the keys.
func TestKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var keys []*seal.Key
	for range 3 {
		k, err := seal.NewKey(seal.FastCipher(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, k)
	}
	write := func(name string, keys ...*seal.Key) (string, *seal.Keyring) {
		var list []string
		for _, k := range keys {
			list = append(list, fmt.Sprintf("%q", k.Text()))
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("keys = ["+strings.Join(list, ", ")+"]\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		ring, err := settings.LoadKeys(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		return path, ring
	}
	file, both := write("ring.keys", keys[0], keys[1])
	_, all := write("more.keys", keys...)
	ring := localringtest.Open(t, localring.Config{
		Names: []string{"alpha", "beta"}, Dir: dir,
		Change: func(name string, cfg *daemon.Config) {
			if cfg.RingKeys = both; name == "alpha" {
				cfg.RingKeys = all
			}
		},
	})
	daemons := ring.StartAll()
	ask := func(args ...string) (status int, output string) {
		t.Helper()
		var out, errs strings.Builder
		status = run(t.Context(), append(args, "-c", ring.File, "-n", "alpha", "-p", "0"), strings.NewReader(""), &out, &errs)
		return status, out.String() + errs.String()
	}
	monitor := func(want int, args ...string) string {
		t.Helper()
		status, out := ask(args...)
		if status != want {
			t.Errorf("%v: status %d, want %d, and\n%s", args, status, want, out)
		}
		return out
	}
	row := "sealed  sealed   " + keys[0].ID().String() + "  -          "
	out := monitor(flags.OK, "keys", "-keys", file, "-timeout", "20s")
	if n := strings.Count(out, row); n != 2 {
		t.Errorf("want two rows of %q in\n%s", row, out)
	}
	out = monitor(flags.Failed, "keys", "-keys", file, "-timeout", "20s", "-use", keys[2].ID().String())
	if want := "because beta has not got it"; !strings.Contains(out, want) {
		t.Errorf("want %q in\n%s", want, out)
	}
	out = monitor(flags.OK, "keys", "-keys", file, "-timeout", "20s", "-use", keys[1].ID().String())
	if n := strings.Count(out, "sealed  sealed   "+keys[1].ID().String()); n != 2 {
		t.Errorf("want two rows with %v in\n%s", keys[1].ID(), out)
	}
	out = monitor(flags.OK, "-json", "-rounds", "1", "-t", "20", "-keys", file)
	if n := strings.Count(out, `"report":`); n != 2 {
		t.Errorf("want two reports in\n%s", out)
	}
	status, out := ask("status", "-keys", file, "-timeout", "20s")
	if status != flags.Failed {
		t.Errorf("status %d while the keys differ", status)
	}
	use := keys[1].ID().String()
	if want := "keys: mixed: alpha (key " + use + " of set "; !strings.Contains(out, want) || !strings.Contains(out, "| beta (key "+use) || !strings.Contains(out, "keys-mixed") {
		t.Errorf("want %q in\n%s", want, out)
	}
	for _, d := range daemons { // a file that is read again decides about the key in use
		cfg := d.Config
		cfg.RingKeys = both
		if err := d.Reload(cfg); err != nil {
			t.Fatal(err)
		}
	}
	testkit.Wait(t, "the daemons use the same key", func() bool {
		// On a busy machine the ring may be degraded.
		status, out := ask("status", "-keys", file, "-timeout", "20s")
		return status != unreachable && strings.Count(out, "2 of 2") == 2 && !strings.Contains(out, "keys")
	})
	if _, err := os.Stat(settings.DefaultFile); err == nil {
		return // This host has keys of its own.
	}
	out = monitor(flags.Failed, "-json", "-rounds", "1", "-t", "1")
	if strings.Contains(out, `"report":`) {
		t.Errorf("a report without keys:\n%s", out)
	}
}
