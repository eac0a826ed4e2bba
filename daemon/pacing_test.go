package daemon

import (
	"testing"
	"time"

	"github.com/spreadd/spreadd/daemon/session"
	"github.com/spreadd/spreadd/internal/clock"
)

// TestLatePacing: a daemon that was stopped itself while publishers waited has spent budgets, and no
// more: they are full again in the usual time.
func TestLatePacing(t *testing.T) {
	b := newBudget(DefaultGrace, 0)
	b.spend(clock.Time(time.Hour), session.Taken{Blocked: time.Hour})
	b.idle(clock.Time(time.Hour).Add(2*DefaultGrace*refill), session.Taken{Blocked: time.Hour})
	if b.left != DefaultGrace {
		t.Errorf("%v are left of a receiver's own budget after the time of two refills", b.left)
	}
	p := pacing{grace: DefaultGrace, stopped: true}
	late := clock.Time(time.Hour)
	p.pause(late)
	if p.spent != DefaultGrace {
		t.Errorf("%v are spent, want %v", p.spent, DefaultGrace)
	}
	p.pause(late.Add(DefaultGrace * refill))
	if p.spent != 0 {
		t.Errorf("%v are spent after the time of a refill", p.spent)
	}
}
