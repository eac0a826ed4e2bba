package poller

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/testkit"
)

// patience bounds a wait that should end at once.
const patience = testkit.Patience

// ways runs a test with each way to sleep on this system.
func ways(t *testing.T, f func(t *testing.T, p *Poller)) {
	t.Helper()
	run := func(name string, open func() (*Poller, error)) {
		t.Run(name, func(t *testing.T) {
			p, err := open()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := p.Close(); err != nil {
					t.Error(err)
				}
			})
			f(t, p)
		})
	}
	run("this system's", New)
	run("portable", func() (*Poller, error) { return &Poller{way: newChannel()}, nil })
}

func nothing() bool { return false }

func TestTimeout(t *testing.T) {
	ways(t, func(t *testing.T, p *Poller) {
		for _, d := range []time.Duration{time.Microsecond, 3 * time.Millisecond} {
			began := time.Now()
			p.Wait(d, nothing)
			if took := time.Since(began); took < d {
				t.Errorf("waited %v, want %v", took, d)
			}
		}
		p.Wait(0, nil) // which only looks
	})
}

// TestWork: an owner that has work does not sleep.
func TestWork(t *testing.T) {
	ways(t, func(t *testing.T, p *Poller) {
		began := time.Now()
		asked := 0
		p.Wait(patience, func() bool { asked++; return true })
		if took := time.Since(began); asked != 1 || took >= patience {
			t.Errorf("asked %d times, waited %v", asked, took)
		}
	})
}

// TestWake: the owner does not miss work, whenever it arrives.
func TestWake(t *testing.T) {
	ways(t, func(t *testing.T, p *Poller) {
		const each, others = 5000, 3
		var given atomic.Int64
		var all sync.WaitGroup
		for range others {
			all.Go(func() {
				for range each {
					given.Add(1)
					p.Wake()
				}
			})
		}
		taken := int64(0)
		for taken < each*others {
			began := time.Now()
			p.Wait(patience, func() bool { return given.Load() > taken })
			if n := given.Load(); n > taken {
				taken = n
			} else if time.Since(began) >= patience {
				t.Fatalf("slept through work: %d of %d taken, %d given", taken, each*others, n)
			}
		}
		all.Wait()
	})
}

// TestForever: without a timeout the owner waits for others.
func TestForever(t *testing.T) {
	ways(t, func(t *testing.T, p *Poller) {
		var come atomic.Bool
		asleep := make(chan struct{})
		done := make(chan struct{})
		go func() {
			defer close(done)
			var once sync.Once
			for !come.Load() {
				p.Wait(Forever, func() bool { once.Do(func() { close(asleep) }); return come.Load() })
			}
		}()
		<-asleep
		come.Store(true)
		p.Wake()
		select {
		case <-done:
		case <-time.After(patience):
			t.Fatal("Wait does not return")
		}
	})
}

func TestWakeAfterClose(t *testing.T) {
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	p.asleep.Store(true)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	p.Wake()
	if err := p.Close(); err != nil {
		t.Errorf("closed again: %v", err)
	}
}
