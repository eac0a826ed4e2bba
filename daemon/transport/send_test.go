package transport

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/ipv4"

	"github.com/spreadd/spreadd/internal/topology"
)

// step is how a fake socket answers one WriteBatch.
type step struct {
	n   int // at most; 0 means all
	err error
}

// fakeWriter answers as its steps say, and accepts everything after them.
type fakeWriter struct {
	steps []step
	late  bool // waits time out
	wrote []int
	calls int
	waits int
}

func (w *fakeWriter) WriteBatch(ms []ipv4.Message) (int, error) {
	w.calls++
	var s step
	if len(w.steps) > 0 {
		s, w.steps = w.steps[0], w.steps[1:]
	}
	if s.err != nil {
		return -1, s.err // as golang.org/x/net does
	}
	if s.n == 0 || s.n > len(ms) {
		s.n = len(ms)
	}
	for _, m := range ms[:s.n] {
		if rest := len(m.Buffers); rest > 2 != (m.OOB != nil) {
			return -1, fmt.Errorf("%d buffers with the option %x", rest, m.OOB)
		}
		for i := 0; i < len(m.Buffers); i += 2 {
			w.wrote = append(w.wrote, number(m.Buffers[i]))
		}
	}
	return s.n, nil
}

func (w *fakeWriter) waitWritable(time.Duration) error {
	w.waits++
	if w.late {
		return os.ErrDeadlineExceeded
	}
	return nil
}

func TestSendBatches(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the portable path sends one by one")
	}
	top, err := topology.New([]topology.Segment{{
		Port: 4803, Addrs: []netip.Addr{netip.MustParseAddr("239.0.0.1"), netip.MustParseAddr("10.0.0.255")},
		Daemons: []topology.Daemon{{ID: 1, Name: "a", Addr: netip.MustParseAddr("10.0.0.1")}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	ok := step{}
	full := step{err: os.NewSyscallError("sendmmsg", syscall.EAGAIN)}
	unreachable := step{err: os.NewSyscallError("sendmmsg", syscall.ENETUNREACH)}
	for _, tt := range []struct {
		name   string
		count  int
		steps  []step
		lost   []int
		failed map[SendFailure]int64
		calls  int
		waits  int
		late   bool
	}{
		{"all at once", 5, nil, nil, nil, 1, 0, false},
		{"more than a call takes", 2*sendBatch + 1, nil, nil, nil, 3, 0, false},
		{"a part", 5, []step{{n: 2}, {n: 1}}, nil, nil, 3, 0, false},
		{"an error in the middle", 5, []step{{n: 2}, unreachable}, []int{2}, map[SendFailure]int64{SendUnreachable: 1}, 3, 0, false},
		{"errors only", 2, []step{unreachable, {err: syscall.EPERM}}, []int{0, 1}, map[SendFailure]int64{SendUnreachable: 1, SendDenied: 1}, 2, 0, false},
		{"interrupted", 3, []step{{err: syscall.EINTR}}, nil, nil, 2, 0, false},
		{"full for a while", 4, []step{{n: 1}, full, ok}, nil, nil, 3, 1, false},
		{"full again", 4, []step{{n: 1}, full, full, ok}, nil, nil, 4, 2, false},
		{"full for good", 4, []step{{n: 1}, full, full, full}, []int{1, 2, 3}, map[SendFailure]int64{SendFull: 3}, 4, 1, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var w fakeWriter
			var count counters
			var log bytes.Buffer
			w.steps, w.late = tt.steps, tt.late
			s := newSender(&w, top, newDestinations(top, ""), &count, slog.New(slog.NewTextHandler(&log, nil)))
			var list []topology.Datagram
			var want []int
			for n := range tt.count {
				list = append(list, dgram(topology.ToDaemon(1), n, n%3))
				if !slices.Contains(tt.lost, n) {
					want = append(want, n)
				}
			}
			if err := s.send(list); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(w.wrote, want) {
				t.Errorf("wrote %v, want %v", w.wrote, want)
			}
			if w.calls != tt.calls || w.waits != tt.waits {
				t.Errorf("%d calls, %d waits; want %d, %d", w.calls, w.waits, tt.calls, tt.waits)
			}
			var failed int64
			for f := range NumSendFailures {
				n := count.sendFailed[f].Load()
				failed += n
				if n != tt.failed[SendFailure(f)] {
					t.Errorf("%d failed as %v, want %d", n, SendFailure(f), tt.failed[SendFailure(f)])
				}
			}
			if int64(len(tt.lost)) != failed || s.to.data[0].failed.Load() != failed {
				t.Errorf("%d failures, %d of the destination, want %d", failed, s.to.data[0].failed.Load(), len(tt.lost))
			}
			// One line in an interval, however many datagrams fail.
			if lines, want := strings.Count(log.String(), "\n"), min(failed, 1); int64(lines) != want {
				t.Errorf("%d lines logged, want %d:\n%s", lines, want, log.String())
			}
			for i := range s.vec {
				if s.vec[i] != nil {
					t.Error("the sender holds on to what it has sent")
				}
			}
		})
	}
}

// A run has one destination, and one length except for the last datagram.
func TestRows(t *testing.T) {
	top, err := topology.New([]topology.Segment{{Port: 4803, Daemons: []topology.Daemon{
		{ID: 1, Name: "a", Addr: netip.MustParseAddr("10.0.0.1")},
		{ID: 2, Name: "b", Addr: netip.MustParseAddr("10.0.0.2")},
		{ID: 3, Name: "c", Addr: netip.MustParseAddr("fd00::3")},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	type d struct{ to, body int }
	full := MaxPacket - 40
	for _, tt := range []struct {
		name string
		list []d
		want []int
	}{
		{"one", []d{{1, 9}}, []int{1}},
		{"equal", []d{{1, 9}, {1, 9}, {1, 9}}, []int{3}},
		{"the last is shorter", []d{{1, 9}, {1, 9}, {1, 8}}, []int{3}},
		{"a shorter one ends a run", []d{{1, 9}, {1, 8}, {1, 8}}, []int{2, 1}},
		{"a longer one begins a run", []d{{1, 8}, {1, 9}, {1, 9}}, []int{1, 2}},
		{"another destination", []d{{1, 9}, {2, 9}, {2, 9}, {1, 9}}, []int{1, 2, 1}},
		{"heads only", []d{{1, 0}, {1, 0}}, []int{2}},
		{"what one UDP datagram can carry", slices.Repeat([]d{{1, full}}, 50), []int{MaxToken / MaxPacket, 50 - MaxToken/MaxPacket}},
		{"what fits into a frame of IPv6", []d{{3, full - 20}, {3, full - 20}}, []int{2}},
		{"what needs fragments in IPv6", []d{{3, full - 19}, {3, full - 19}}, []int{1, 1}},
		{"tokens that are longer than a frame", []d{{1, full + 1}, {1, full + 1}}, []int{1, 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, on := range []bool{true, false} {
				s := newSender(&fakeWriter{}, top, newDestinations(top, ""), new(counters), slog.New(slog.DiscardHandler))
				s.gso = on
				for i, d := range tt.list {
					s.size[i], s.dst[i] = 40+d.body, s.to.data[d.to-1]
					s.vec[2*i] = []byte{1}
					s.n++
				}
				want := tt.want
				if !on {
					want = slices.Repeat([]int{1}, len(tt.list))
				}
				ms := s.messages(0)
				if got := s.per[:len(ms)]; !slices.Equal(got, want) {
					t.Errorf("runs of %v with GSO %v, want %v", got, on, want)
				}
			}
		})
	}
}

// Packets that the kernel segments arrive as they would one by one, and the counter says how many.
func TestGSO(t *testing.T) {
	h := loopback(t, 2, false, gso.set)
	if !h[0].sender.gso {
		t.Skip("this kernel has no UDP_SEGMENT")
	}
	var list []topology.Datagram
	for n := range 100 {
		list = append(list, dgram(topology.ToDaemon(2), n, MaxPacket-40))
	}
	list = append(list, dgram(topology.ToDaemon(2), 100, 7), dgram(topology.ToDaemon(2), 101, 8))
	if err := h[0].Send(list); err != nil {
		t.Fatal(err)
	}
	for i, g := range h[1].collect(t, len(list)) {
		if g.n != i || g.size != 40+len(list[i].Body) {
			t.Fatalf("datagram %d is %+v", i, g)
		}
	}
	if st := h[0].Stats(); st.Sent != 102 || st.GSO != 101 || st.SendCalls != 2 {
		t.Errorf("counts %+v, want 101 of 102 datagrams segmented, in 2 calls", st)
	}
}

func TestGSOFails(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the portable path sends one by one")
	}
	top, err := topology.New([]topology.Segment{{Port: 4803, Daemons: []topology.Daemon{{ID: 1, Name: "a", Addr: netip.MustParseAddr("10.0.0.1")}}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		err    error
		stays  bool
		failed int64
	}{
		{syscall.EIO, false, 0},
		{syscall.EINVAL, false, 0},
		{syscall.ENETUNREACH, true, 5},
	} {
		w := fakeWriter{steps: []step{{n: 1}, {err: tt.err}}}
		var count counters
		var log bytes.Buffer
		s := newSender(&w, top, newDestinations(top, ""), &count, slog.New(slog.NewTextHandler(&log, nil)))
		s.gso = true
		list := []topology.Datagram{dgram(topology.ToDaemon(1), 0, 3)}
		for n := 1; n <= 5; n++ {
			list = append(list, dgram(topology.ToDaemon(1), n, 9))
		}
		list = append(list, dgram(topology.ToTokenPort(1), 6, 0))
		if err := s.send(list); err != nil {
			t.Fatal(err)
		}
		want := []int{0, 1, 2, 3, 4, 5, 6}
		if tt.stays {
			want = []int{0, 6}
		}
		if !slices.Equal(w.wrote, want) || s.gso != tt.stays || s.to.data[0].failed.Load() != tt.failed {
			t.Errorf("%v: wrote %v, GSO is %v, %d failed", tt.err, w.wrote, s.gso, s.to.data[0].failed.Load())
		}
		if n := strings.Count(log.String(), "segmentation offload"); (n == 1) == tt.stays {
			t.Errorf("%v: logged\n%s", tt.err, log.String())
		}
	}
}

func TestSegmentGoesToEachAddress(t *testing.T) {
	top, err := topology.New([]topology.Segment{
		{Port: 4803, Daemons: []topology.Daemon{{ID: 1, Name: "a", Addr: netip.MustParseAddr("10.0.0.1")}}},
		{
			Port: 4903, Addrs: []netip.Addr{netip.MustParseAddr("239.0.0.1"), netip.MustParseAddr("10.0.0.255")},
			Daemons: []topology.Daemon{{ID: 2, Name: "b", Addr: netip.MustParseAddr("10.0.0.2")}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	to := newDestinations(top, "")
	for _, tt := range []struct {
		to   topology.Target
		want string
	}{
		{topology.ToSegment(0), ""},
		{topology.ToSegment(1), "239.0.0.1:4903 10.0.0.255:4903"},
		{topology.ToSegment(2), ""},
		{topology.ToSegment(-1), ""},
		{topology.ToDaemon(1), "10.0.0.1:4803"},
		{topology.ToDaemon(2), "10.0.0.2:4903"},
		{topology.ToTokenPort(2), "10.0.0.2:4904"},
		{topology.ToTokenPort(3), ""},
	} {
		var got []string
		for _, d := range to.of(top, tt.to) {
			got = append(got, d.addr.String())
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%v is %q, want %q", tt.to, s, tt.want)
		}
	}
}

func TestLogInterval(t *testing.T) {
	var log bytes.Buffer
	var count counters
	s := newSender(nil, nil, destinations{}, &count, slog.New(slog.NewTextHandler(&log, nil)))
	d := newDestination(netip.MustParseAddr("10.0.0.1"), 1, false)
	for range 5 {
		s.failed(d, syscall.EPERM)
	}
	d.logged = d.logged.Add(-logInterval)
	s.failed(d, syscall.EPERM)
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "datagrams=1 ") || !strings.Contains(lines[1], "datagrams=5 ") {
		t.Errorf("logged\n%s", log.String())
	}
}

func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for f := range NumSendFailures {
		seen[SendFailure(f).String()] = true
	}
	if len(seen) != NumSendFailures || SendFailure(99).String() != "SendFailure(99)" {
		t.Errorf("names of failures: %v", seen)
	}
	clear(seen)
	for d := range NumDrops {
		seen[Drop(d).String()] = true
	}
	if len(seen) != NumDrops || Drop(99).String() != "Drop(99)" {
		t.Errorf("names of drops: %v", seen)
	}
	if f := sendFailure(errors.New("x")); f != SendOther {
		t.Errorf("an unknown error is %v", f)
	}
}
