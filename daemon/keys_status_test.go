package daemon_test

import (
	"slices"
	"testing"

	"github.com/spreadd/spreadd/daemon/status"
	"github.com/spreadd/spreadd/internal/seal"
	"github.com/spreadd/spreadd/internal/testkit"
)

// TestKeysInStatus: the state of a daemon has its ring keys and those of the others, and says so while
// they differ, in the key, in the keys that are known, or in what is plain.
func TestKeysInStatus(t *testing.T) {
	key, next := newKey(t), newKey(t)
	one, both := keyring(t, "", key), keyring(t, "", key, next)
	r := newSealedRing(t, func(string) *seal.Keyring { return one })
	alpha, beta := r.all[0], r.all[1]
	wait := func(what string, mixed bool, alphas func(*status.Keys) bool) {
		t.Helper()
		var s *status.Status
		defer func() {
			if t.Failed() {
				t.Logf("%+v; %v", s.Keys, s.Reasons)
			}
		}()
		testkit.Wait(t, what, func() bool {
			var err error
			if s, err = beta.Status(t.Context()); err != nil {
				t.Fatal(err)
			}
			isMixed := slices.ContainsFunc(s.Reasons, func(r status.Reason) bool { return r.Code == status.KeysMixed && r.Daemon == "alpha" })
			for i := range s.Daemons {
				if d := &s.Daemons[i]; d.Name == "alpha" && d.Keys != nil && isMixed == mixed {
					return d.Keys.LastSeconds != nil && alphas(d.Keys)
				}
			}
			return false
		})
		if s.Keys == nil || s.Keys.Sends != status.SendsSealed || s.Keys.InUse != key.ID().String() || s.Keys.LastSeconds != nil {
			t.Errorf("own keys: %+v", s.Keys)
		}
	}
	known := func(n int) func(*status.Keys) bool {
		return func(k *status.Keys) bool {
			return len(k.Known) == n && k.InUse == key.ID().String() && k.Sends == status.SendsSealed && !k.AcceptsPlain
		}
	}
	wait("all have one key", false, known(1))
	r.reload(alpha, both)
	wait("alpha has one more", true, known(2))
	r.reload(beta, both)
	wait("beta has it, too", false, known(2))
	r.reload(alpha, keyring(t, "accept = \"both\"", key, next))
	wait("alpha accepts plain datagrams", true, func(k *status.Keys) bool { return k.AcceptsPlain && k.Sends == status.SendsSealed })
	r.reload(alpha, keyring(t, "use = \""+next.ID().String()+"\"", key, next))
	testkit.Wait(t, "alpha wants the other key, which gamma lacks", func() bool {
		s, err := alpha.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return s.Keys.WaitsFor == next.ID().String() && slices.Equal(s.Keys.Lacking, []string{"gamma"})
	})
}
