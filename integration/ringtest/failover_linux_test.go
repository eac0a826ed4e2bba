package ringtest

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spreadd/spreadd/integration/netns"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/spread"
)

var (
	failoverTimers = flag.String("timers", "default", "for benchmarks: default, or spread.conf `file` with the timers")
	failoverBinary = flag.String("spreadd", "", "for benchmarks: `path` of a daemon (default: build it)")
	failoverPrefix = flag.String("prefix", "", "for benchmarks: `command` that starts the daemons, such as \"chrt -r 1\"")
	failoverEvent  = flag.String("event", "kill", "for BenchmarkFailover: what happens to a daemon or its host: kill, stop, cut, start")
	failoverHosts  = flag.Int("hosts", 3, "for benchmarks: `number` of hosts")
	failoverSlow   = flag.Duration("slow", 0, "for BenchmarkFailover: show what the daemons log during an outage of this `duration` or longer (default: never)")
	calmTime       = flag.Duration("calm", time.Second, "for BenchmarkCalm: `duration` of an iteration")
)

// benchTimers returns the timers that the flag names.
func benchTimers(b *testing.B) string {
	b.Helper()
	if *failoverTimers == "default" {
		return "# The defaults of the daemon.\n"
	}
	text, err := os.ReadFile(*failoverTimers)
	if err != nil {
		b.Fatal(err)
	}
	lines := regexp.MustCompile(`(?mi)^\s*\w+Timeout\s*=.*$`).FindAll(text, -1)
	return string(bytes.Join(lines, []byte("\n"))) + "\n"
}

// benchDaemon returns the path of the daemon to measure.
func benchDaemon(b *testing.B) string {
	b.Helper()
	if *failoverBinary != "" {
		return *failoverBinary
	}
	return buildDaemon(b)
}

// probe is a member of the group that sends at a low, steady rate and measures the longest time
// without a message.
type probe struct {
	conn *spread.Conn
	done sync.WaitGroup
	stop context.CancelFunc

	mu      sync.Mutex
	members int       // of the last view
	viewed  time.Time // when that came
	own     int       // own messages that were delivered
	last    time.Time
	gap     time.Duration
}

const (
	// probePeriod is the time between two messages of a probe, and the precision of outages.
	probePeriod = 5 * time.Millisecond
	// probeAhead bounds the messages in flight.
	probeAhead = 20
	probeSize  = 200
)

// newProbe connects to a host's daemon, as soon as that accepts clients, and joins the group.
func newProbe(b *testing.B, r *ring, number int) *probe {
	b.Helper()
	h := r.hosts[number-1]
	p := new(probe)
	ctx, cancel := context.WithCancel(context.Background())
	p.stop = cancel
	testkit.Wait(b, fmt.Sprintf("a daemon on host %d", number), func() bool {
		var err error
		p.conn, err = spread.Dial(ctx, fmt.Sprintf("4803@%v", r.addr(h)), spread.WithName(fmt.Sprintf("p%d", number)),
			spread.WithMembership(true), spread.WithDialer(h.dial))
		return err == nil
	})
	if err := p.conn.Join(ctx, group); err != nil {
		b.Fatal(err)
	}
	p.done.Go(func() { p.receive(ctx) })
	p.done.Go(func() { p.send(ctx) })
	return p
}

// close ends the probe. Its daemon may have ended before.
func (p *probe) close() {
	p.stop()
	p.conn.Kill()
	p.done.Wait()
}

func (p *probe) send(ctx context.Context) {
	tick := time.NewTicker(probePeriod)
	defer tick.Stop()
	payload := make([]byte, probeSize)
	for sent := 0; ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		p.mu.Lock()
		free := p.members > 0 && sent-p.own < probeAhead
		p.mu.Unlock()
		if !free {
			continue
		}
		sent++
		if err := p.conn.Multicast(ctx, spread.Agreed, 1, payload, group); err != nil {
			return
		}
	}
}

func (p *probe) receive(ctx context.Context) {
	name := p.conn.PrivateGroup()
	for {
		e, err := p.conn.Receive(ctx)
		if err != nil {
			return
		}
		now := time.Now()
		p.mu.Lock()
		switch e := e.(type) {
		case *spread.Message:
			p.gap = max(p.gap, now.Sub(p.last))
			p.last = now
			if e.Sender == name {
				p.own++
			}
		case *spread.Membership:
			if e.Regular() {
				p.members, p.viewed = len(e.Members), now
			}
		}
		p.mu.Unlock()
	}
}

// look returns the longest gap since the last call, and starts a new measurement.
func (p *probe) look(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	gap := p.gap
	p.last, p.gap = now, 0
	return gap
}

func (p *probe) state() (members, own int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.members, p.own
}

// probes is a ring with a probe at each host.
type probes struct {
	*ring
	b   *testing.B
	all []*probe // nil where the daemon is dead
}

func newProbes(b *testing.B, binary string, s setting) *probes {
	b.Helper()
	f := &probes{ring: newDaemons(b, binary, s), b: b}
	for _, number := range f.ring.all() {
		f.all = append(f.all, newProbe(b, f.ring, number))
	}
	b.Cleanup(func() {
		for _, p := range f.all {
			if p != nil {
				p.close()
			}
		}
	})
	f.meet(len(f.all))
	return f
}

// meet waits until all probes are in a view with that many members and receive messages in it.
func (f *probes) meet(members int) {
	f.b.Helper()
	const messages = 20
	start := make([]int, len(f.all))
	each := func(cond func(i, members, own int) bool) func() bool {
		return func() bool {
			for i, p := range f.all {
				if p == nil {
					continue
				}
				if m, own := p.state(); !cond(i, m, own) {
					return false
				}
			}
			return true
		}
	}
	testkit.Wait(f.b, fmt.Sprintf("a view of %d", members), each(func(i, m, own int) bool {
		start[i] = own
		return m == members
	}))
	testkit.Wait(f.b, "messages in it", each(func(i, _, own int) bool { return own >= start[i]+messages }))
}

// outage has the event happen to the daemon of a host, and returns the longest time for which a
// receiver at another host received nothing. If the event is a start, it returns the time until the
// daemon's client is in a view with all others. In the end all is as before.
func (f *probes) outage(event string, number int) (worst time.Duration) {
	f.b.Helper()
	i := number - 1
	now := time.Now()
	for _, p := range f.all {
		p.look(now)
	}
	victim := f.all[i]
	f.all[i] = nil
	switch event {
	case "kill":
		f.daemons[i].Kill()
	case "stop", "start":
		f.daemons[i].stop()
	case "cut":
		f.isolate(number)
	default:
		f.b.Fatalf("no event %q: want kill, stop, cut or start", event)
	}
	f.meet(len(f.all) - 1)
	now = time.Now()
	for _, p := range f.all {
		if p != nil {
			worst = max(worst, p.look(now))
		}
	}
	if event == "cut" {
		f.heal(number)
		f.all[i] = victim
		f.meet(len(f.all))
		return worst
	}
	victim.close()
	began := time.Now()
	f.daemons[i] = f.start(f.hosts[i])
	f.all[i] = newProbe(f.b, f.ring, number)
	f.meet(len(f.all))
	if event == "start" {
		worst = f.all[i].viewedAt().Sub(began)
	}
	return worst
}

// logged returns how much each daemon has logged.
func (f *probes) logged() map[*process]int {
	lengths := make(map[*process]int)
	for _, d := range f.daemons {
		lengths[d] = len(d.Output.String())
	}
	return lengths
}

// showLogs shows what each daemon has logged since then.
func (f *probes) showLogs(since map[*process]int) {
	f.b.Helper()
	for _, d := range f.daemons {
		f.b.Logf("%s:\n%s", d.Name, d.Output.String()[since[d]:])
	}
}

func (p *probe) viewedAt() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.viewed
}

// BenchmarkFailover kills the first, the middle and the last daemon of a ring in turn, or has another
// event happen to them, and reports the time for which receivers at the others receive nothing. With
// SPREAD_PEER it alternates with a ring of C daemons.
func BenchmarkFailover(b *testing.B) {
	netns.Require(b)
	binary := benchDaemon(b)
	n := *failoverHosts
	s := setting{networks: []int{n}, timers: benchTimers(b), prefix: *failoverPrefix}
	rings := []*probes{newProbes(b, binary, s)}
	names := []string{"go"}
	if os.Getenv(peerVariable) != "" {
		for i := range n {
			s.peers = append(s.peers, i+1)
		}
		rings = append(rings, newProbes(b, binary, s))
		names = append(names, "C")
	}
	victims := []int{1, (n + 1) / 2, n}
	outages := make([][]time.Duration, len(rings))
	i := 0
	for b.Loop() {
		victim := victims[i%len(victims)]
		i++
		for k, f := range rings {
			// So that the crash happens at a random time between two tokens.
			// A ring that breaks again within GatherTimeout is left to the timers.
			time.Sleep(1500*time.Millisecond + time.Duration(rand.IntN(int(100*time.Millisecond)))) //house:sleep the time of a crash must be random
			logged := f.logged()
			d := f.outage(*failoverEvent, victim)
			b.Logf("%s: host %d of %d: %v", names[k], victim, n, d.Round(time.Millisecond))
			if *failoverSlow > 0 && d >= *failoverSlow {
				f.showLogs(logged)
			}
			outages[k] = append(outages[k], d)
		}
	}
	b.ReportMetric(0, "ns/op")
	for k, all := range outages {
		slices.Sort(all)
		ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
		b.ReportMetric(ms(all[len(all)/2]), names[k]+"-median-ms")
		b.ReportMetric(ms(all[len(all)*99/100]), names[k]+"-p99-ms")
		b.ReportMetric(ms(all[len(all)-1]), names[k]+"-max-ms")
	}
}

// BenchmarkCalm loads a ring as fast as receivers accept messages, and reports the memberships that
// they receive meanwhile: none, unless a daemon mistakes the load for a failure.
func BenchmarkCalm(b *testing.B) {
	netns.Require(b)
	n := *failoverHosts
	s := setting{networks: []int{n}, timers: benchTimers(b) + "MaxSessionMessages = 30000\n", prefix: *failoverPrefix}
	r := newDaemons(b, benchDaemon(b), s)
	var addrs, pids []string
	for i, h := range r.hosts {
		addrs = append(addrs, fmt.Sprintf("4803@%v", r.addr(h)))
		pids = append(pids, strconv.Itoa(r.daemons[i].Cmd.Process.Pid))
	}
	for _, number := range r.all() {
		newProbe(b, r, number).close() // The daemon is up.
	}
	spbench := filepath.Join(programs.Build(b, "spbench"), "spbench")
	var views, messages int64
	for b.Loop() {
		cmd := exec.CommandContext(b.Context(), spbench, "-json", "-enter", "-for", calmTime.String(), "-warmup", "500ms",
			"-daemons", strings.Join(addrs, ","), "-pids", strings.Join(pids, ","))
		var faults bytes.Buffer
		cmd.Stderr = &faults
		out, err := cmd.Output()
		var res struct {
			Receivers []struct{ Messages, Views int64 }
		}
		if jsonErr := json.Unmarshal(out, &res); jsonErr != nil {
			b.Fatalf("spbench: %v, %v: %s", err, jsonErr, &faults)
		}
		before := views
		for _, v := range res.Receivers {
			views += v.Views
			messages += v.Messages
		}
		if err != nil && views == before {
			b.Errorf("spbench: %v: %s", err, &faults)
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(views), "views")
	b.ReportMetric(float64(messages)/float64(n)/(time.Duration(b.N)*(*calmTime)).Seconds(), "messages/s")
	// Each end of a ring counts, even if all daemons formed the next one and clients noticed
	// nothing.
	alarms := 0
	for _, d := range r.daemons {
		for line := range strings.Lines(d.Output.String()) {
			if strings.Contains(line, "from=OP to=SEG") || strings.Contains(line, "from=GATHER to=SEG") {
				alarms++
				b.Logf("%s: %s", d.Name, line)
			}
		}
	}
	b.ReportMetric(float64(alarms), "alarms")
}
