package bench

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// Result is what was measured.
type Result struct {
	Config Config `json:"-"`
	// Sent is how many messages were sent in all, those before and after the measured time
	// too.
	Sent uint64 `json:"sent"`
	// Behind is how many messages publishers were behind their rate at the end.
	Behind int64 `json:"behind"`
	// Receivers are in the order of their daemons.
	Receivers []Receiver `json:"receivers"`
	// Latency is that of the messages of all receivers.
	Latency Latency `json:"latency"`
	// Delivered is the sum of the receivers' messages.
	Delivered int64 `json:"delivered"`
	// Orders is how many different orders the receivers saw: 1 is right. It is 0 for services that
	// promise none.
	Orders int `json:"orders"`
	// Processes are those of the Config, Self is this one with all publishers and receivers.
	Processes []Process `json:"processes"`
	Self      Process   `json:"self"`
	// CPUPerMessage is the Processes' CPU time for each message that a receiver got.
	CPUPerMessage time.Duration `json:"cpu_per_message_ns"`
}

// Receiver is what one receiver got.
type Receiver struct {
	Daemon string `json:"daemon"`
	// Messages are those of the measured time, PerSecond and Mbit (1e6 bits of payload in a second)
	// their rates.
	Messages  int64   `json:"messages"`
	PerSecond float64 `json:"per_second"`
	Mbit      float64 `json:"mbit"`
	Latency   Latency `json:"latency"`
	// Of all messages: those that never came, came twice, came before an earlier one of their
	// publisher, or were not of this run.
	Lost      int64 `json:"lost"`
	Twice     int64 `json:"twice"`
	Overtaken int64 `json:"overtaken"`
	Foreign   int64 `json:"foreign"`
	// Views are the membership messages that came while messages flowed.
	Views int64 `json:"views"`
}

// Process is what a process used.
type Process struct {
	PID int `json:"pid"`
	// CPU is the processor time within the measured time, Cores that time over the measured.
	CPU   time.Duration `json:"cpu_ns"`
	Cores float64       `json:"cores"`
	// Memory is the resident set at the end, in bytes.
	Memory int64 `json:"memory_bytes"`
}

// evaluate completes a result. All publishers and receivers have stopped.
func (r *run) evaluate(res *Result) {
	res.Sent = r.sent()
	for _, p := range r.publishers {
		res.Behind += p.behind.Load()
	}
	all := new(histogram)
	orders := make(map[uint64]bool)
	for _, v := range r.receivers {
		out := v.result
		out.Daemon, out.Latency = r.cfg.Daemons[v.daemon], v.latencies.latency()
		out.PerSecond = float64(out.Messages) / r.cfg.For.Seconds()
		out.Mbit = float64(v.bytes) * 8 / r.cfg.For.Seconds() / 1e6
		for i := range v.streams {
			out.Lost += v.streams[i].lost(r.publishers[i].sent.Load())
		}
		res.Receivers = append(res.Receivers, out)
		res.Delivered += out.Messages
		all.merge(&v.latencies)
		orders[v.order] = true
	}
	res.Latency = all.latency()
	if ordered(r.cfg.Service) {
		res.Orders = len(orders)
	}
	if res.Delivered > 0 {
		var cpu time.Duration
		for _, p := range res.Processes {
			cpu += p.CPU
		}
		res.CPUPerMessage = cpu / time.Duration(res.Delivered)
	}
}

// Faults describes lost, duplicated and reordered messages. It is empty if there are none.
func (res *Result) Faults() []string {
	var all []string
	for _, v := range res.Receivers {
		add := func(n int64, what string) {
			if n != 0 {
				all = append(all, fmt.Sprintf("a receiver at %s: %d messages %s", v.Daemon, n, what))
			}
		}
		add(v.Lost, "lost")
		add(v.Twice, "arrived twice")
		if ordered(res.Config.Service) {
			add(v.Overtaken, "arrived before earlier ones of their publisher")
		}
	}
	if res.Orders > 1 {
		all = append(all, fmt.Sprintf("%d different orders", res.Orders))
	}
	return all
}

// Print writes a result for people.
func (res *Result) Print(w io.Writer) error {
	var table strings.Builder
	table.WriteString("receiver at\tmessages/s\tMbit/s\tp50\tp99\tp99.9\tmax\tviews\t\n")
	row := func(name string, perSecond, mbit float64, l Latency, views int64) {
		fmt.Fprintf(&table, "%s\t%.0f\t%.1f\t%v\t%v\t%v\t%v\t%d\t\n", name, perSecond, mbit, round(l.P50), round(l.P99), round(l.P999), round(l.Max), views)
	}
	var perSecond, mbit float64
	var views int64
	for _, v := range res.Receivers {
		row(v.Daemon, v.PerSecond, v.Mbit, v.Latency, v.Views)
		perSecond, mbit, views = perSecond+v.PerSecond, mbit+v.Mbit, views+v.Views
	}
	n := float64(max(1, len(res.Receivers)))
	row("mean", perSecond/n, mbit/n, res.Latency, views)
	if res.Self.CPU > 0 {
		table.WriteString("\nprocess\tcores\tMiB\t\n")
		for _, p := range append(res.Processes, res.Self) {
			name := fmt.Sprint(p.PID)
			if p.PID == res.Self.PID {
				name = "spbench"
			}
			fmt.Fprintf(&table, "%s\t%.3f\t%.1f\t\n", name, p.Cores, float64(p.Memory)/(1<<20))
		}
	}
	if len(res.Processes) > 0 {
		fmt.Fprintf(&table, "\nCPU time of the daemons for each message received: %v\n", res.CPUPerMessage)
	}
	if res.Behind > 0 {
		fmt.Fprintf(&table, "\nPublishers are %d messages behind their rate: the daemons cannot keep up.\n", res.Behind)
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	if _, err := io.WriteString(tw, table.String()); err != nil {
		return err
	}
	return tw.Flush()
}

// round cuts a duration to three digits.
func round(d time.Duration) time.Duration {
	unit := time.Duration(1)
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit)
}
