package poller

import (
	"sync/atomic"
	"time"
)

// Poller is what an owner waits in. Only the owner may call its methods, except Wake and Close.
type Poller struct {
	asleep atomic.Bool
	way    way
	descriptors
}

// way is a way to sleep.
type way interface {
	// signal ends the current sleep or, if there is none, the next one.
	signal()
	// look notes which descriptors are readable, without waiting.
	look()
	// sleep waits for a descriptor, a signal or the timeout, and notes which descriptors are
	// readable. A timeout that is not positive never expires.
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

// Close releases the poller's descriptors. The owner must not call Wait after that.
func (p *Poller) Close() error { return p.way.close() }

// Wake ends the current Wait. Any goroutine may call it, even after Close.
func (p *Poller) Wake() {
	if p.asleep.Load() && p.asleep.CompareAndSwap(true, false) {
		p.way.signal()
	}
}

// Forever is a timeout that never expires.
const Forever = time.Duration(-1)

// Wait waits until a watched descriptor is readable, Wake is called, or the timeout expires. It
// calls haveWork once and returns at once if that reports true. With a timeout of 0 it only checks
// the descriptors.
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
