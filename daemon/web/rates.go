package web

import (
	"sync"
	"time"

	"github.com/spreadd/spreadd/daemon/status"
)

const (
	// minRate is the least time that a rate refers to, sampleEvery the time after which what was seen
	// becomes the sample that rates refer to.
	minRate     = time.Second
	sampleEvery = 5 * time.Second
	// forget is after how long without a request a sample is dropped, maxSamples how many there are.
	forget     = time.Minute
	maxSamples = 4 * 1000
)

// rates remembers the counters of the sessions and groups that were asked for lately, so that a page
// that asks again learns what they do in a second. Nothing is sampled while nobody asks.
type rates struct {
	mu   sync.Mutex
	now  func() time.Time
	seen map[string]*samples
}

// samples are those of one session or group: older is what rates refer to.
type samples struct{ older, newer sample }

type sample struct {
	at time.Time
	n  [2]int64
}

func newRates() *rates { return &rates{now: time.Now, seen: make(map[string]*samples)} }

// of returns the rates of two counters since they were seen before, or nil.
func (r *rates) of(key string, n ...int64) (a, b *float64) {
	now := r.now()
	s := sample{at: now, n: [2]int64{n[0], n[1]}}
	x := r.seen[key]
	if x == nil || now.Sub(x.newer.at) > forget || n[0] < x.older.n[0] || n[1] < x.older.n[1] {
		if x == nil && len(r.seen) >= maxSamples {
			r.drop(now)
		}
		r.seen[key] = &samples{s, s}
		return nil, nil
	}
	if now.Sub(x.newer.at) >= sampleEvery {
		x.older, x.newer = x.newer, s
	}
	took := now.Sub(x.older.at)
	if took < minRate {
		return nil, nil
	}
	rate := func(i int) *float64 {
		f := float64(n[i]-x.older.n[i]) / took.Seconds()
		return &f
	}
	return rate(0), rate(1)
}

// drop makes room: it forgets what nobody asks for, or everything.
func (r *rates) drop(now time.Time) {
	for key, x := range r.seen {
		if now.Sub(x.newer.at) > 2*sampleEvery {
			delete(r.seen, key)
		}
	}
	if len(r.seen) >= maxSamples {
		clear(r.seen)
	}
}

func (r *rates) sessions(list []status.Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range list {
		s := &list[i]
		s.SentRate, s.ReceivedRate = r.of("session "+s.Name+s.Since.String(), s.SentMessages, s.ReceivedMessages)
	}
}

func (r *rates) groups(list []status.Group) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range list {
		g := &list[i]
		g.MessageRate, g.ByteRate = r.of("group "+g.Name, int64(g.Messages), int64(g.Bytes))
	}
}
