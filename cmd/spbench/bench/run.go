package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/spread"
)

type run struct {
	cfg        Config
	id         uint32
	publishers []*publisher
	receivers  []*receiver
	start      time.Time     // of the clock
	zero       atomic.Int64  // when publishers start, on the clock; 0 before
	stop       chan struct{} // closed when they are to stop
}

func (r *run) now() time.Duration  { return time.Since(r.start) }
func (r *run) from() time.Duration { return time.Duration(r.zero.Load()) + r.cfg.Warmup }
func (r *run) to() time.Duration   { return r.from() + r.cfg.For }
func (r *run) numPublishers() int  { return len(r.cfg.Daemons) * r.cfg.Publishers }
func (r *run) begun() bool         { return r.zero.Load() != 0 }

func (r *run) stopped() bool {
	select {
	case <-r.stop:
		return true
	default:
		return false
	}
}

// Run measures. It returns an error if that is not possible: a daemon does not answer or drops a
// client, the receivers do not get one view, or ctx ends. Lost or reordered messages are in the
// result: see [Result.Faults].
func Run(ctx context.Context, cfg Config) (*Result, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	r := &run{
		cfg: cfg, id: rand.Uint32(), start: time.Now(), stop: make(chan struct{}),
	}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	defer r.disconnect()
	var receiving, publishing sync.WaitGroup
	listen, hangUp := context.WithCancel(ctx)
	defer receiving.Wait()
	defer hangUp()
	if err := r.connect(ctx); err != nil {
		return nil, err
	}
	for _, v := range r.receivers {
		receiving.Go(func() {
			if err := v.receive(listen, r); err != nil {
				fail(fmt.Errorf("receiver at %s: %w", cfg.Daemons[v.daemon], err))
			}
		})
	}
	err = r.until(ctx, fmt.Sprintf("one view of %d receivers", len(r.receivers)), r.joined)
	if err != nil {
		return nil, err
	}

	r.zero.Store(int64(r.now()))
	for _, p := range r.publishers {
		publishing.Go(func() {
			if err := p.publish(ctx, r); err != nil {
				fail(fmt.Errorf("publisher: %w", err))
			}
		})
	}
	res, err := r.measure(ctx)
	close(r.stop)
	stuck := time.AfterFunc(cfg.Patience, func() {
		fail(fmt.Errorf("a daemon does not accept messages: %w", errPatience))
	})
	publishing.Wait()
	stuck.Stop()
	if err != nil {
		return nil, err
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	// Messages that have not arrived by then are reported as lost.
	err = r.until(ctx, "the last messages", r.complete)
	if err != nil && !errors.Is(err, errPatience) {
		return nil, err
	}
	hangUp()
	receiving.Wait()
	r.evaluate(res)
	return res, nil
}

func (r *run) disconnect() {
	for _, p := range r.publishers {
		p.conn.Kill()
	}
	for _, v := range r.receivers {
		v.conn.Kill()
	}
}

func (r *run) joined() bool {
	return !slices.ContainsFunc(r.receivers, func(v *receiver) bool { return v.viewed.Load() != int64(len(r.receivers)) })
}

func (r *run) complete() bool {
	return !slices.ContainsFunc(r.publishers, func(p *publisher) bool { return p.sent.Load() > r.arrived(p.index) })
}

func (r *run) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Patience)
	defer cancel()
	for i, addr := range r.cfg.Daemons {
		dial := func(opts ...spread.Option) (*spread.Conn, error) {
			return spread.Dial(ctx, addr, append(opts, spread.WithDialer(func(ctx context.Context, network, address string) (net.Conn, error) {
				return r.cfg.Dial(ctx, i, network, address)
			}))...)
		}
		for range r.cfg.Receivers {
			c, err := dial(spread.WithMembership(true))
			if err != nil {
				return err
			}
			r.receivers = append(r.receivers, newReceiver(c, i, r.numPublishers()))
			if err := c.Join(ctx, r.cfg.Group); err != nil {
				return err
			}
		}
		for range r.cfg.Publishers {
			c, err := dial()
			if err != nil {
				return err
			}
			r.publishers = append(r.publishers, &publisher{conn: c, index: uint32(len(r.publishers))})
		}
	}
	return nil
}

var errPatience = errors.New("time limit exceeded")

func (r *run) until(ctx context.Context, what string, cond func() bool) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(r.cfg.Patience)
	for !cond() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-limit:
			return fmt.Errorf("waiting for %s: %w; check that the ring is complete and that nobody else uses the group", what, errPatience)
		}
	}
	return nil
}

// measure waits for the measured time to pass, and looks at the processes at its beginning and its
// end.
func (r *run) measure(ctx context.Context) (*Result, error) {
	sleep := func(until time.Duration) error {
		select {
		case <-time.After(until - r.now()):
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	res := &Result{Config: r.cfg}
	pids := append([]int{os.Getpid()}, r.cfg.Processes...)
	if err := sleep(r.from()); err != nil {
		return nil, err
	}
	began := r.now()
	before, err := usages(pids)
	if err != nil {
		return nil, err
	}
	if err := sleep(r.to()); err != nil {
		return nil, err
	}
	after, err := usages(pids)
	if err != nil {
		return nil, err
	}
	elapsed := r.now() - began
	for i := range after {
		p := &after[i]
		p.CPU -= before[i].CPU
		p.Cores = p.CPU.Seconds() / elapsed.Seconds()
	}
	res.Self, res.Processes = after[0], after[1:]
	return res, nil
}

// arrived returns how many messages of a publisher every receiver has.
func (r *run) arrived(publisher uint32) uint64 {
	least := uint64(math.MaxUint64)
	for _, v := range r.receivers {
		least = min(least, v.got[publisher].Load())
	}
	return least
}

func (r *run) sent() uint64 {
	var n uint64
	for _, p := range r.publishers {
		n += p.sent.Load()
	}
	return n
}
