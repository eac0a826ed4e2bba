package ringtest

import (
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/spreadd/spreadd/integration/netns"
	"github.com/spreadd/spreadd/internal/testkit"
)

// TestReload removes hosts from the configuration and adds them again while clients send: the last,
// the leader, and two in a row.
func TestReload(t *testing.T) {
	netns.Require(t)
	t.Parallel()
	binary := buildDaemon(t)
	for _, tt := range []struct {
		name string
		setting
	}{
		{"3 hosts, multicast", setting{networks: []int{3}}},
		{"4 hosts, unicast, accelerated, lossy", setting{networks: []int{4}, way: unicast, accelerated: true, faults: faults{Loss: 0.02}}},
		{"5 hosts, 2 networks, listed, bad", setting{networks: []int{3, 2}, listed: true, faults: faults{
			Seed: 1, Loss: 0.02, Duplicate: 0.02, Delay: 0.1, MaxDelay: 4 * time.Millisecond,
		}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.setting.reloads = true
			r := newRing(t, binary, tt.setting)
			n := len(r.hosts)
			r.takeOut(n)
			r.together("last out", r.without(n)...)
			r.takeIn(n)
			r.together("last in", r.all()...)
			r.takeOut(1)
			r.together("leader out", r.without(1)...)
			r.takeIn(1)
			r.together("leader in", r.all()...)
			if n > 3 {
				r.takeOut(2)
				r.takeOut(3)
				r.together("two out", r.without(2, 3)...)
				r.takeIn(3)
				r.takeIn(2)
				r.together("two in", r.all()...)
			}
			r.finish()
		})
	}
}

// rewrite writes the configuration and has all running daemons reload it.
func (r *ring) rewrite() {
	r.t.Helper()
	if err := os.WriteFile(r.conf, []byte(conf(r.network, r.setting)), 0o644); err != nil {
		r.t.Fatal(err)
	}
	for _, d := range r.daemons {
		select {
		case <-d.Done:
		default:
			if err := d.Cmd.Process.Signal(syscall.SIGHUP); err != nil {
				r.t.Fatal(err)
			}
		}
	}
}

// takeOut removes a host from the configuration. Its daemon stops by itself with status 0.
func (r *ring) takeOut(number int) {
	r.t.Helper()
	c := r.clients[number-1]
	c.mu.Lock()
	c.ending, c.rec.killed = true, true
	c.mu.Unlock()
	r.out = append(r.out, number)
	r.rewrite()
	d := r.daemons[number-1]
	select {
	case <-d.Done:
	case <-time.After(testkit.Patience):
		r.t.Fatalf("%s does not stop although the configuration does not contain it", d.Name)
	}
	if d.Err != nil {
		r.t.Errorf("%s ends with %v", d.Name, d.Err)
	}
	<-c.received
	<-c.sent
	r.past = append(r.past, c)
}

// takeIn adds a host again, and starts its daemon and a new client of the same name.
func (r *ring) takeIn(number int) {
	r.t.Helper()
	r.out = slices.DeleteFunc(r.out, func(n int) bool { return n == number })
	r.rewrite()
	r.restart(number)
}
