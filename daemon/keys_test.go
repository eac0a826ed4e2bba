package daemon_test

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/daemon/localring"
	"github.com/spreadd/spreadd/daemon/localring/localringtest"
	"github.com/spreadd/spreadd/daemon/transport"
	"github.com/spreadd/spreadd/internal/seal"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/spread"
)

func newKey(t *testing.T) *seal.Key {
	t.Helper()
	k, err := seal.NewKey(seal.FastCipher(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// keyring returns the keys of a file, the first in use unless another is named.
func keyring(t *testing.T, modes string, keys ...*seal.Key) *seal.Keyring {
	t.Helper()
	var text strings.Builder
	text.WriteString(modes + "\nkeys = [")
	for _, k := range keys {
		text.WriteString(fmt.Sprintf("%q,", k.Text()))
	}
	r, _, err := seal.Parse("keys", []byte(text.String()+"]\n"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// sealedRing is a ring whose daemons have keys, with a stream of messages from one to all.
type sealedRing struct {
	t   *testing.T
	log *testkit.Output
	all []*localring.Daemon
	// seen counts the datagrams that were plain and sealed.
	plain, sealed atomic.Int64
}

// Arrived implements transport.Filter.
func (r *sealedRing) Arrived(_ netip.Addr, token bool, datagram []byte) transport.Fate {
	switch {
	case !seal.Marked(datagram):
		r.plain.Add(1)
	default:
		r.sealed.Add(1)
		if len(datagram) > transport.MaxPacket && !token {
			r.t.Errorf("a sealed packet of %d bytes", len(datagram))
		}
	}
	return transport.Fate{}
}

func newSealedRing(t *testing.T, keys func(name string) *seal.Keyring) *sealedRing {
	r := &sealedRing{t: t, log: new(testkit.Output)}
	ring := localringtest.Open(t, localring.Config{
		Names: []string{"alpha", "beta", "gamma"},
		// A busy machine must not end the ring.
		Options: "TokenTimeout = 20000\n",
		Log:     slog.New(slog.NewTextHandler(r.log, nil)),
		Change: func(name string, cfg *daemon.Config) {
			cfg.RingKeys = keys(name)
			cfg.Ring.Filter = r
		},
	})
	r.all = ring.StartAll()
	return r
}

// reload gives a daemon other keys.
func (r *sealedRing) reload(d *localring.Daemon, keys *seal.Keyring) {
	r.t.Helper()
	cfg := d.Config
	cfg.RingKeys = keys
	if err := d.Reload(cfg); err != nil {
		r.t.Fatal(err)
	}
}

// stream sends numbered messages of many lengths from each daemon to a group that has a member at
// each daemon. finish ends it and checks that all have arrived in order, and that the membership
// has not changed.
func (r *sealedRing) stream() (finish func()) {
	t := r.t
	const group = "load"
	var conns []*spread.Conn
	changes := make([]string, len(r.all))
	for i, d := range r.all {
		changes[i] = d.Change()
		c, err := spread.Dial(t.Context(), d.Address(), spread.WithMembership(true))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Kill)
		if err := c.Join(t.Context(), group); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	for _, c := range conns {
		for members := 0; members < len(conns); {
			e, err := c.Receive(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if m, ok := e.(*spread.Membership); ok {
				members = len(m.Members)
			}
		}
	}
	var stop atomic.Bool
	var sent [3]int64
	var senders, receivers sync.WaitGroup
	for i, c := range conns {
		senders.Go(func() {
			for n := int64(0); !stop.Load(); n++ {
				data := make([]byte, 9+(int(n)*37)%3000)
				data[0] = byte(i)
				binary.LittleEndian.PutUint64(data[1:], uint64(n))
				if err := c.Multicast(t.Context(), spread.Agreed, 0, data, group); err != nil {
					t.Error(err)
					return
				}
				sent[i] = n + 1
				if n%8 == 0 {
					time.Sleep(time.Millisecond) //house:sleep so that a slow machine has time to change keys
				}
			}
			if err := c.Multicast(t.Context(), spread.Agreed, 1, []byte{byte(i)}, group); err != nil {
				t.Error(err)
			}
		})
		receivers.Go(func() {
			var got [3]int64
			for ends := 0; ends < len(conns); {
				e, err := c.Receive(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				m, ok := e.(*spread.Message)
				switch {
				case !ok:
				case m.Type == 1:
					ends++
				default:
					from, n := m.Payload[0], int64(binary.LittleEndian.Uint64(m.Payload[1:]))
					if n != got[from] {
						t.Errorf("daemon %d: message %d of daemon %d, want %d; the last change of its ring: %s", i, n, from, got[from], r.all[i].Change())
						return
					}
					got[from]++
				}
			}
			senders.Wait()
			if got != sent {
				t.Errorf("daemon %d: got %v messages, sent were %v", i, got, sent)
			}
		})
	}
	return func() {
		t.Helper()
		stop.Store(true)
		receivers.Wait()
		t.Logf("%v messages", sent)
		for i, d := range r.all {
			if now := d.Change(); now != changes[i] {
				t.Errorf("the membership of %s has changed: %s", d.Name, now)
			}
		}
	}
}

func TestRingKeys(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	r := newSealedRing(t, func(string) *seal.Keyring { return keyring(t, "", key) })
	finish := r.stream()
	testkit.Wait(t, "sealed datagrams", func() bool { return r.sealed.Load() > 200 })
	finish()
	if n := r.plain.Load(); n > 0 {
		t.Errorf("%d plain datagrams", n)
	}
	for _, d := range r.all {
		st := d.Stats().Ring
		if !st.Keys.Enabled || st.Keys.Own.InUse != key.ID() || len(st.Keys.Peers) != 2 || st.Sealed == 0 || st.Seal[seal.Opened] == 0 {
			t.Errorf("%s: %d sealed, %v, %+v", d.Name, st.Sealed, st.Seal, st.Keys)
		}
		for _, p := range st.Keys.Peers {
			if !slices.Equal(p.State.Keys, []seal.KeyID{key.ID()}) {
				t.Errorf("%s: peer %+v", d.Name, p)
			}
		}
	}
}

// TestWrongRingKeys: a daemon with another key, and one with none, are not in the ring, and each
// side says so once.
func TestWrongRingKeys(t *testing.T) {
	t.Parallel()
	key, other := newKey(t), newKey(t)
	log := new(testkit.Output)
	ring := localringtest.Open(t, localring.Config{
		Names: []string{"alpha", "beta", "wrong", "none"},
		Log:   slog.New(slog.NewTextHandler(log, nil)),
		Change: func(name string, cfg *daemon.Config) {
			switch name {
			case "wrong":
				cfg.RingKeys = keyring(t, "", other)
			case "none":
			default:
				cfg.RingKeys = keyring(t, "", key)
			}
		},
	})
	var all []*localring.Daemon
	for _, name := range []string{"alpha", "beta", "wrong", "none"} {
		all = append(all, ring.Start(name))
	}
	testkit.Wait(t, "a ring of those with the same key", func() bool { return len(all[0].Members()) == 2 && len(all[1].Members()) == 2 })
	for _, want := range []string{
		"on=alpha from=127.0.0.1 reason=unknown_key", "on=alpha from=127.0.0.1 reason=plain",
		"on=wrong from=127.0.0.1 reason=unknown_key", "on=none from=127.0.0.1 reason=sealed",
	} {
		testkit.Wait(t, want, func() bool { return strings.Contains(log.String(), want) })
		if n := strings.Count(log.String(), want); n != 1 {
			t.Errorf("%d times %q", n, want)
		}
	}
	for i, want := range []int{2, 2, 1, 1} {
		if got := all[i].Members(); len(got) != want {
			t.Errorf("%s is in a ring of %v", all[i].Name, got)
		}
	}
}

// TestRingKeyRotation changes the key again and again under load. SPREADD_ROTATION sets for how
// long: without it a few changes as fast as they go, with it one in a second.
func TestRingKeyRotation(t *testing.T) {
	t.Parallel()
	old := newKey(t)
	r := newSealedRing(t, func(string) *seal.Keyring { return keyring(t, "", old) })
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the daemons' log:\n%s", r.log.String())
		}
	})
	finish := r.stream()
	rotations, pause := 5, time.Duration(0)
	if text := os.Getenv("SPREADD_ROTATION"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		rotations, pause = int(d/time.Second), time.Second
	}
	all := func(what string, done func(st transport.SealStatus) bool) {
		t.Helper()
		for _, d := range r.all {
			testkit.Wait(t, what+" at "+d.Name, func() bool { return done(d.Stats().Ring.Keys) })
		}
	}
	for i := range rotations {
		if i%600 == 0 {
			t.Logf("%d of %d changes", i, rotations)
		}
		began := time.Now()
		next := newKey(t)
		for _, d := range r.all {
			r.reload(d, keyring(t, fmt.Sprintf("use = %q", old.ID()), old, next))
		}
		for _, d := range r.all {
			r.reload(d, keyring(t, fmt.Sprintf("use = %q", next.ID()), old, next))
		}
		all("use of the new key", func(st transport.SealStatus) bool {
			for _, p := range st.Peers {
				if p.State.InUse != next.ID() {
					return false
				}
			}
			return st.Own.InUse == next.ID()
		})
		for _, d := range r.all {
			r.reload(d, keyring(t, "", next))
		}
		old = next
		time.Sleep(pause - time.Since(began)) //house:sleep one change in a second, if asked for
	}
	finish()
	for _, d := range r.all {
		if n := d.Stats().Ring.Seal[seal.UnknownKey]; n > 0 {
			t.Errorf("%s: %d datagrams with a key that was not in the file", d.Name, n)
		}
	}
}

// TestSwitchRingKeys changes a ring under load from plain to sealed and back.
func TestSwitchRingKeys(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	r := newSealedRing(t, func(string) *seal.Keyring { return nil })
	finish := r.stream()
	const both = `accept = "both"`
	for _, modes := range []string{"send = \"plain\"\n" + both, both, "", both, "send = \"plain\"\n" + both, "none"} {
		var keys *seal.Keyring
		if modes != "none" {
			keys = keyring(t, modes, key)
		}
		for _, d := range r.all {
			r.reload(d, keys)
		}
		for _, d := range r.all {
			testkit.Wait(t, "the mode "+modes+" at "+d.Name, func() bool {
				st := d.Stats().Ring.Keys
				return st.Enabled == (keys != nil) && st.WaitsFor == 0 && st.Own.SendsPlain == (keys == nil || keys.SendsPlain())
			})
		}
		if modes == "" {
			plain, sealed := r.plain.Load(), r.sealed.Load()
			testkit.Wait(t, "sealed datagrams", func() bool { return r.sealed.Load() > sealed+200 })
			if n := r.plain.Load() - plain; n > 0 {
				t.Errorf("%d plain datagrams in a sealed ring", n)
			}
		}
	}
	finish()
}
