package bench

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/spread"
)

// publisher sends messages until stop is closed.
type publisher struct {
	conn   *spread.Conn
	index  uint32
	sent   atomic.Uint64
	behind atomic.Int64 // of what was due when it stopped, at a rate
}

// publish sends as many messages as the rate says, or as the daemon takes, and hands the last to
// the kernel.
func (p *publisher) publish(ctx context.Context, r *run) error {
	least, most := r.cfg.sizes()
	payload := make([]byte, most)
	rnd := rand.New(rand.NewPCG(uint64(r.id), uint64(p.index)))
	for i := range payload {
		payload[i] = byte(i)
	}
	one := func(when time.Duration) error {
		n := p.sent.Load() + 1
		stamp{r.id, p.index, n, when}.put(payload)
		if err := p.conn.Multicast(ctx, r.cfg.Service, 0, payload[:least+rnd.IntN(most-least+1)], r.cfg.Group); err != nil {
			return err
		}
		p.sent.Store(n)
		return nil
	}
	var err error
	if r.cfg.Rate == 0 {
		err = p.flood(r, one)
	} else {
		err = p.pace(r, one)
	}
	if err != nil {
		return err
	}
	return p.conn.Flush(ctx)
}

// flood sends messages as long as no receiver is a window behind. Daemons drop receivers that are
// behind, and do not hold back publishers at other daemons for them.
func (p *publisher) flood(r *run, one func(time.Duration) error) error {
	const pause = 50 * time.Microsecond
	for !r.stopped() {
		room := int64(r.cfg.Window) - int64(p.sent.Load()-r.arrived(p.index))
		if room <= 0 {
			time.Sleep(pause)
			continue
		}
		// All of the room at once would make waves.
		for range (room + 1) / 2 {
			if err := one(r.now()); err != nil {
				return err
			}
		}
	}
	return nil
}

// pace sends each message when it is due, or as soon after that as there is room for
// it.
func (p *publisher) pace(r *run, one func(time.Duration) error) error {
	interval := time.Duration(float64(time.Second) / r.cfg.Rate)
	// Publishers do not send all at the same moment.
	due := r.now() + interval*time.Duration(p.index)/time.Duration(max(1, len(r.publishers)))
	timer := time.NewTimer(0)
	defer timer.Stop()
	for !r.stopped() {
		if wait := due - r.now(); wait > 0 {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-r.stop:
				return nil
			}
		}
		// What became due in our sleep is late by our own doing. What becomes due from now
		// on, while the daemon does not read, is late by the daemon's.
		woke := r.now()
		for ; due <= r.now() && !r.stopped(); due += interval {
			if err := one(max(due, woke)); err != nil {
				return err
			}
		}
	}
	p.behind.Store(max(0, int64((r.now()-due)/interval)))
	return nil
}
