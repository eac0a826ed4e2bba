package poller

import (
	"sync/atomic"
	"time"
)

// Poller is what one owner waits with. All but Wake and Close are the owner's.
type Poller struct {
	asleep atomic.Bool
	way    way
	descriptors
}

// way is how to sleep.
type way interface {
	// signal ends a sleep, the next one if none is going on.
	signal()
	// look notes which descriptors are readable.
	look()
	sleep(timeout time.Duration)
	close() error
}

// New returns a poller.
func New() (*Poller, error) {
	p := &Poller{}
	var err error
	if p.way, err = p.descriptors.open(); err != nil {
		return nil, err
	}
	return p, nil
}

// Close gives back what the poller holds of the system. The owner waits no more.
func (p *Poller) Close() error { return p.way.close() }

// Wake ends a Wait that runs. It may be called by any goroutine, also after Close.
func (p *Poller) Wake() {
	if p.asleep.Load() && p.asleep.CompareAndSwap(true, false) {
		p.way.signal()
	}
}

// Forever is a time that does not end.
const Forever = time.Duration(-1)

// Wait waits until a descriptor that is watched is readable, Wake is called, or the time is over. It
// returns at once if haveWork, which it calls once, reports that there is something to do. With a time of 0 it only
// looks at descriptors.
func (p *Poller) Wait(timeout time.Duration, haveWork func() bool) {
	if timeout == 0 {
		p.way.look()
		return
	}
	p.asleep.Store(true)
	if haveWork() {
		p.asleep.Store(false)
		p.way.look()
		return
	}
	p.way.sleep(timeout)
	p.asleep.Store(false)
}
