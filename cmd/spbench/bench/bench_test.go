package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/internal/freeport"
	"github.com/spreadd/spreadd/internal/spreadconf"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/spread"
	"github.com/spreadd/spreadd/spread/spreadtest"
)

// twoDaemons starts a ring of two daemons on the loopback and returns their addresses.
func twoDaemons(t *testing.T) []string {
	t.Helper()
	var ports []int
	for range 2 {
		port, err := freeport.Find(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ports = append(ports, port)
	}
	conf, err := spreadconf.Parse("spread.conf", fmt.Appendf(nil, `
		Spread_Segment 127.0.0.1:%d { one 127.0.0.1 { 127.0.0.1 } }
		Spread_Segment 127.0.0.1:%d { two 127.0.0.1 { 127.0.0.1 } }
		TokenTimeout = 2000 HurryTimeout = 500 AliveTimeout = 50 JoinTimeout = 50 RepTimeout = 200
		SegTimeout = 100 GatherTimeout = 400 FormTimeout = 500 LookupTimeout = 500
	`, ports[0], ports[1]), spreadconf.SystemEnvironment())
	if err != nil {
		t.Fatal(err)
	}
	var addrs []string
	for i, name := range []string{"one", "two"} {
		self, err := conf.Self(spreadconf.SystemEnvironment(), name)
		if err != nil {
			t.Fatal(err)
		}
		cfg, err := daemon.FromConf(conf, self, daemon.Access{})
		if err != nil {
			t.Fatal(err)
		}
		cfg.SocketDir = ""
		d, err := daemon.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Listen(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- d.Run(ctx) }()
		t.Cleanup(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
		addrs = append(addrs, fmt.Sprintf("%d@127.0.0.1", ports[i]))
	}
	return addrs
}

// A ring of two daemons, loaded in each way.
func TestRing(t *testing.T) {
	addrs := twoDaemons(t)
	for _, tt := range []struct {
		name string
		cfg  Config
	}{
		{"full speed", Config{}},
		{"large, safe", Config{Size: 8000, Service: spread.Safe}},
		{"at a rate", Config{Rate: 1000, Publishers: 2, Receivers: 2}},
		{"different sizes", Config{Size: 1000, Vary: 1}},
		{"reliable", Config{Service: spread.Reliable, Size: MinSize}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.cfg.Daemons = addrs
			tt.cfg.Warmup, tt.cfg.For = 50*time.Millisecond, 200*time.Millisecond
			if runtime.GOOS == "linux" {
				tt.cfg.Processes = []int{os.Getpid()}
			}
			res, err := Run(t.Context(), tt.cfg)
			idle := func() bool {
				return err == nil && slices.ContainsFunc(res.Receivers, func(v Receiver) bool { return v.Messages == 0 })
			}
			for idle() && tt.cfg.For < testkit.Patience { // the machine is too busy for so short a time
				tt.cfg.For *= 4
				res, err = Run(t.Context(), tt.cfg)
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range res.Faults() {
				t.Error(f)
			}
			receivers := 2 * max(1, tt.cfg.Receivers)
			if len(res.Receivers) != receivers || res.Delivered == 0 || res.Sent == 0 {
				t.Errorf("%d receivers, %d delivered of %d sent", len(res.Receivers), res.Delivered, res.Sent)
			}
			for _, v := range res.Receivers {
				if v.Messages == 0 || v.Mbit <= 0 || v.Latency.P50 <= 0 || v.Latency.P50 > v.Latency.Max || v.Foreign != 0 {
					t.Errorf("receiver %+v", v)
				}
			}
			if tt.cfg.Rate > 0 {
				// No more than are due, whatever the machine does meanwhile.
				due := tt.cfg.Rate * 2 * float64(tt.cfg.Publishers) * tt.cfg.For.Seconds()
				if got := float64(res.Delivered) / float64(receivers); got > 1.5*due {
					t.Errorf("each receiver got %v messages, of about %v that were due", got, due)
				}
			}
			var text strings.Builder
			if err := res.Print(&text); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(text.String(), addrs[1]) || !strings.Contains(text.String(), "mean") {
				t.Errorf("printed:\n%s", text.String())
			}
		})
	}
}

func TestErrors(t *testing.T) {
	d := spreadtest.New("test")
	t.Cleanup(d.Close)
	dial := func(ctx context.Context, _ int, network, address string) (net.Conn, error) {
		return d.Dial(ctx, network, address)
	}
	for _, tt := range []struct {
		want string
		cfg  Config
	}{
		{"no daemons", Config{}},
		{"no receivers", Config{Daemons: []string{"4803"}, Receivers: -1}},
		{"at most 1000", Config{Daemons: []string{"4803", "4804"}, Publishers: 501}},
		{"want 24 to", Config{Daemons: []string{"4803"}, Size: MinSize - 1}},
		{"want 24 to 143119", Config{Daemons: []string{"4803"}, Size: 143120}},
		{"want 0 to 1", Config{Daemons: []string{"4803"}, Vary: 1.5}},
		{"a rate of -1", Config{Daemons: []string{"4803"}, Rate: -1}},
		{"a time of -1ns", Config{Daemons: []string{"4803"}, For: -1}},
		{"a window of -1", Config{Daemons: []string{"4803"}, Window: -1}},
		{"group name", Config{Daemons: []string{"4803"}, Group: "a b"}},
		{"illegal daemon address", Config{Daemons: []string{"no:such:address"}}},
		{"illegal service", Config{Daemons: []string{"4803"}, Service: 3, Dial: dial}},
	} {
		t.Run(tt.want, func(t *testing.T) {
			if _, err := Run(t.Context(), tt.cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

// A daemon that goes away, one that stops reading and receivers that never meet end a run with
// an error that says which.
func TestDaemonFails(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		patience   time.Duration
		fault      func(*spreadtest.Daemon)
	}{
		{"gone", "connection closed by the daemon", time.Minute, func(d *spreadtest.Daemon) { d.SetDown(true) }},
		{"stalled", "does not accept", 200 * time.Millisecond, func(d *spreadtest.Daemon) { d.SetStalled(true) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			run := func(span time.Duration) error {
				d := spreadtest.New("test")
				defer d.Close()
				ctx, end := context.WithCancel(t.Context())
				defer end()
				go func() {
					for d.Received() < 100 && ctx.Err() == nil {
						runtime.Gosched()
					}
					tt.fault(d)
				}()
				_, err := Run(t.Context(), Config{
					Daemons: []string{"4803"}, For: span, Warmup: -1, Patience: tt.patience, Size: 10_000,
					Dial: func(ctx context.Context, _ int, network, address string) (net.Conn, error) {
						return d.Dial(ctx, network, address)
					},
				})
				return err
			}
			// On a busy machine a short run is over before the fault.
			err := run(100 * time.Millisecond)
			for span := time.Second; err == nil && span < testkit.Patience; span *= 2 {
				err = run(span)
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
	t.Run("apart", func(t *testing.T) {
		a, b := spreadtest.New("a"), spreadtest.New("b")
		t.Cleanup(a.Close)
		t.Cleanup(b.Close)
		_, err := Run(t.Context(), Config{
			Daemons: []string{"4803", "4803"}, Patience: 100 * time.Millisecond,
			Dial: func(ctx context.Context, i int, network, address string) (net.Conn, error) {
				return []*spreadtest.Daemon{a, b}[i].Dial(ctx, network, address)
			},
		})
		if !errors.Is(err, errPatience) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("stopped", func(t *testing.T) {
		d := spreadtest.New("test")
		t.Cleanup(d.Close)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			for d.Received() < 100 {
				runtime.Gosched()
			}
			cancel()
		}()
		_, err := Run(ctx, Config{
			Daemons: []string{"4803"}, For: time.Hour,
			Dial: func(ctx context.Context, _ int, network, address string) (net.Conn, error) {
				return d.Dial(ctx, network, address)
			},
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
}

// What a receiver is given, and what is said to be wrong with it.
func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		name    string
		service spread.Service
		got     [][]uint64 // of each receiver; the hundreds are the publisher
		want    []string
	}{
		{"nothing", spread.Agreed, [][]uint64{{1, 101, 2, 3}, {1, 101, 2, 3}}, nil},
		{"lost", spread.Agreed, [][]uint64{{1, 101, 3}}, []string{"1 messages lost", "1 messages arrived before"}},
		{"last lost", spread.Safe, [][]uint64{{1, 2, 101}}, []string{"1 messages lost"}},
		{"all lost", spread.Safe, [][]uint64{nil}, []string{"4 messages lost"}},
		{"twice", spread.FIFO, [][]uint64{{1, 2, 2, 3, 101}}, []string{"1 messages arrived twice"}},
		{"twice, ahead", spread.Reliable, [][]uint64{{3, 3, 1, 2, 101}}, []string{"1 messages arrived twice"}},
		{"overtaken", spread.FIFO, [][]uint64{{1, 3, 2, 101}}, []string{"1 messages arrived before"}},
		{"overtaken, reliable", spread.Reliable, [][]uint64{{1, 3, 2, 101}, {2, 1, 3, 101}}, nil},
		{"two orders", spread.Agreed, [][]uint64{{1, 101, 2, 3}, {101, 1, 2, 3}}, []string{"2 different orders"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &run{cfg: Config{Daemons: []string{"a"}, Publishers: 2, Size: MinSize, Service: tt.service, For: time.Hour}, id: 7, start: time.Now()}
			r.zero.Store(1)
			for i, n := range []uint64{3, 1} {
				p := &publisher{index: uint32(i)}
				p.sent.Store(n)
				r.publishers = append(r.publishers, p)
			}
			for _, all := range tt.got {
				v := newReceiver(nil, 0, len(r.publishers))
				for _, n := range all {
					m := &spread.Message{Payload: make([]byte, MinSize)}
					stamp{7, uint32(n / 100), n % 100, 0}.put(m.Payload)
					v.message(m, r)
				}
				r.receivers = append(r.receivers, v)
			}
			res := &Result{Config: r.cfg}
			r.evaluate(res)
			got := res.Faults()
			if !slices.EqualFunc(got, tt.want, strings.Contains) {
				t.Errorf("faults %q, want %q", got, tt.want)
			}
		})
	}
}

// What is not of this run does not count.
func TestForeign(t *testing.T) {
	r := &run{cfg: Config{Daemons: []string{"a"}, Publishers: 1, Size: MinSize}, id: 7}
	v := newReceiver(nil, 0, 1)
	for _, b := range [][]byte{nil, make([]byte, MinSize-1), make([]byte, MinSize)} {
		v.message(&spread.Message{Payload: b}, r)
	}
	b := make([]byte, MinSize)
	stamp{7, 1, 1, 0}.put(b) // a publisher that there is not
	v.message(&spread.Message{Payload: b}, r)
	if v.result.Foreign != 4 || v.got[0].Load() != 0 {
		t.Errorf("%d foreign, %d got", v.result.Foreign, v.got[0].Load())
	}
}

func TestStamp(t *testing.T) {
	s := stamp{0x01020304, 5, 1 << 40, 3 * time.Hour}
	b := make([]byte, stampLen)
	s.put(b)
	if got, ok := readStamp(b); got != s || !ok {
		t.Errorf("read %v, want %v", got, s)
	}
}
