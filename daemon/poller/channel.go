package poller

import "time"

// channel is the portable way to sleep, without descriptors.
type channel struct {
	woken chan struct{}
	timer *time.Timer
}

func newChannel() *channel {
	return &channel{woken: make(chan struct{}, 1), timer: time.NewTimer(time.Hour)}
}

func (c *channel) close() error {
	c.timer.Stop()
	return nil
}

func (c *channel) signal() {
	select {
	case c.woken <- struct{}{}:
	default: // A signal is pending already.
	}
}

func (c *channel) look() {}

func (c *channel) sleep(timeout time.Duration) {
	var over <-chan time.Time
	if timeout > 0 {
		c.timer.Reset(timeout)
		over = c.timer.C
	}
	select {
	case <-c.woken:
	case <-over:
	}
}
