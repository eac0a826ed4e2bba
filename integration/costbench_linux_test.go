package integration

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/spreadd/spreadd/integration/harness"
	"github.com/spreadd/spreadd/integration/netns"
)

// BenchmarkCost measures the processor time of three web hosts (spreadd and logpub) and two log hosts
// (spreadd and logsub) at several rates, with the default of logpub and with -plain. A round runs both,
// one after the other. The results are in per cent of a core, and medians of the ratio of a round. They
// are of processor time, so other load on the machine disturbs them little.
//
//	sudo go test ./integration -run '^$' -bench Cost -benchtime 10x -round 3s
func BenchmarkCost(b *testing.B) {
	netns.Require(b)
	c := newCostFarm(b)
	for _, rate := range []int{100, 1_000, 15_000} {
		b.Run(fmt.Sprintf("%d lines a second a host", rate), func(b *testing.B) {
			c.t = b
			for _, m := range c.modes {
				m.costs = costs{}
			}
			for first := 0; b.Loop(); first++ {
				for i := range c.modes {
					c.round(c.modes[(first+i)%len(c.modes)], rate)
				}
			}
			b.ReportMetric(0, "ns/op")
			plain, standard := c.modes[0], c.modes[1]
			for _, m := range c.modes {
				b.Logf("%-8s web host: spreadd %5.2f %%, logpub %5.2f %%; log host: spreadd %5.2f %%, logsub %5.2f %%", m.name,
					median(m.webDaemon), median(m.logpub), median(m.logDaemon), median(m.logsub))
			}
			b.ReportMetric(ratio(sums(standard.webDaemon, standard.logpub), sums(plain.webDaemon, plain.logpub)), "web-host/plain")
			b.ReportMetric(ratio(sums(standard.logDaemon, standard.logsub), sums(plain.logDaemon, plain.logsub)), "log-host/plain")
		})
	}
}

func sums(a, b []float64) []float64 {
	s := slices.Clone(a)
	for i := range s {
		s[i] += b[i]
	}
	return s
}

// costFarm is a farm in which each web host has a logpub for each mode, of which one has input.
type costFarm struct {
	*farm
	modes    []*costMode
	web, log []*farmHost
}

// costMode is a way of sending lines, with the results of its rounds.
type costMode struct {
	name  string
	pubs  []*harness.Process
	pipes []io.Writer
	lines int64 // sent so far
	costs
}

// costs are the results of rounds, in per cent of a core.
type costs struct{ webDaemon, logpub, logDaemon, logsub []float64 }

func newCostFarm(b *testing.B) *costFarm {
	b.Helper()
	f := newFarm(b, "web1", "web2", "web3", "log1", "log2")
	c := &costFarm{farm: f, web: f.hosts[:3], log: f.hosts[3:]}
	for _, h := range f.hosts {
		h.startDaemon()
	}
	for _, h := range c.log {
		command := h.logsubCommand("", "plain", "default")
		p := h.launch(command[0], command[1:]...)
		p.Expect(joinedGroup)
		h.all = append(h.all, p)
	}
	for name, args := range map[string][]string{"plain": {"-plain"}, "default": nil} {
		m := &costMode{name: name}
		for _, h := range c.web {
			r, w, err := os.Pipe()
			if err != nil {
				b.Fatal(err)
			}
			args := append([]string{"-s", "4803@" + h.addr, "-g", name, "-publisher", h.name, "-spool", h.path("spool-" + name)}, args...)
			p := h.launchWith(r, filepath.Join(f.bin, "logpub"), args...)
			p.Expect(connected)
			_ = r.Close() // The program has it.
			b.Cleanup(func() { _ = w.Close() })
			m.pubs, m.pipes = append(m.pubs, p), append(m.pipes, w)
		}
		c.modes = append(c.modes, m)
	}
	slices.SortFunc(c.modes, func(x, y *costMode) int { return len(x.name) - len(y.name) })
	return c
}

// costLine is a line of a usual length.
var costLine = append(bytes.Repeat([]byte("x"), 199), '\n')

// round sends lines in one mode, waits until they are written, and records the processor time.
func (c *costFarm) round(m *costMode, rate int) {
	c.t.Helper()
	before := c.times(m)
	began := time.Now()
	var wg sync.WaitGroup
	for _, w := range m.pipes {
		wg.Go(func() { c.feed(w, rate) })
	}
	wg.Wait()
	m.lines += int64(len(m.pipes) * rate * int(roundTime.Seconds()))
	for _, h := range c.log {
		harness.Reach(c.t, "lines on "+h.name, m.lines, countLines(h.path("logs/"+m.name)))
	}
	time.Sleep(200 * time.Millisecond) //house:sleep what follows the lines, such as acknowledgements, counts too
	took := time.Since(began)
	after := c.times(m)
	for i, to := range []*[]float64{&m.webDaemon, &m.logpub, &m.logDaemon, &m.logsub} {
		hosts := len(c.web)
		if i >= 2 {
			hosts = len(c.log)
		}
		*to = append(*to, 100*float64(after[i]-before[i])/float64(took)/float64(hosts))
	}
}

// feed writes lines evenly, as a busy web server does.
func (c *costFarm) feed(w io.Writer, rate int) {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	total := rate * int(roundTime.Seconds())
	for began, done := time.Now(), 0; done < total; <-tick.C {
		due := min(total, int(time.Since(began).Seconds()*float64(rate)))
		if _, err := w.Write(bytes.Repeat(costLine, due-done)); err != nil {
			c.t.Error(err)
			return
		}
		done = due
	}
}

// times returns the processor time of the daemons of web hosts, logpub, the daemons of log hosts, and
// logsub.
func (c *costFarm) times(m *costMode) (times [4]time.Duration) {
	for i, h := range c.web {
		times[0] += cpuTime(c.t, []int{h.daemon.Cmd.Process.Pid}, false)
		times[1] += cpuTime(c.t, []int{m.pubs[i].Cmd.Process.Pid}, false)
	}
	for _, h := range c.log {
		times[2] += cpuTime(c.t, []int{h.daemon.Cmd.Process.Pid}, false)
		times[3] += cpuTime(c.t, []int{h.all[0].Cmd.Process.Pid}, false)
	}
	return times
}
