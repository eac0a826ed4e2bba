package status

import (
	"fmt"
	"strings"
)

// Verdict sums up a state.
type Verdict string

// The verdicts.
const (
	Healthy     Verdict = "healthy"
	Degraded    Verdict = "degraded"
	Unreachable Verdict = "unreachable"
)

// Code names a reason. docs/operate/status.md says of each what it means and what to do.
type Code string

// The codes.
const (
	// NoRing: no ring is in operation.
	NoRing Code = "no-ring"
	// NeverHeard: a daemon was never heard.
	NeverHeard Code = "never-heard"
	// Silent: a daemon is not heard any more.
	Silent Code = "silent"
	// PortRefuses: the host of a daemon answers that no process has the port open.
	PortRefuses Code = "port-refuses"
	// OtherConfiguration: a daemon runs another spread.conf.
	OtherConfiguration Code = "other-configuration"
	// Stopped: a daemon has announced that it stops.
	Stopped Code = "stopped"
	// Apart: a daemon is heard and is not in the same ring.
	Apart Code = "apart"
	// NoAnswer: a daemon does not answer monitors.
	NoAnswer Code = "no-answer"
	// SplitRings: daemons are in different rings.
	SplitRings Code = "split-rings"
	// OneWay: a link carries datagrams in one direction only.
	OneWay Code = "one-way"
	// Loss: packets of a daemon have to be sent again.
	Loss Code = "loss"
	// SlowClients: clients do not keep up.
	SlowClients Code = "slow-clients"
	// Descheduled: the daemon does not get processor time.
	Descheduled Code = "descheduled"
	// MemoryShort: messages take nearly as much memory as they may.
	MemoryShort Code = "memory-short"
)

// Reason is why a verdict is not "healthy".
type Reason struct {
	Code Code `json:"code"`
	// Daemon is the daemon that it is about, if it is about one.
	Daemon string `json:"daemon,omitempty"`
	// Text is the reason as a sentence for people.
	Text string `json:"text"`
}

// The limits from which on a state is not healthy.
const (
	// lossLimit is the share of packets that have to be sent again.
	lossLimit = 0.02
	// lateLimit is for how long a daemon may be descheduled, in seconds.
	lateLimit = 0.1
	// memoryLimit is the share of the memory for messages.
	memoryLimit = 0.8
)

// Judge returns the verdict of one daemon's state, and all reasons, the worst first.
func Judge(s *Status) (Verdict, []Reason) {
	var list []Reason
	if !s.Ring.Operating {
		list = append(list, Reason{Code: NoRing, Text: "no ring is in operation on " + s.Daemon})
	}
	for i := range s.Daemons {
		d := &s.Daemons[i]
		if d.State != Member && !d.Self {
			list = append(list, Reason{Code: d.Reason, Daemon: d.Name, Text: d.Name + " is missing: " + d.Text})
		}
	}
	for i := range s.Daemons {
		if h := s.Daemons[i].Heard; h != nil && h.LossRate != nil && *h.LossRate >= lossLimit {
			list = append(list, Reason{
				Code: Loss, Daemon: s.Daemons[i].Name,
				Text: fmt.Sprintf("%.1f %% of the packets of %s have to be sent again to %s", 100**h.LossRate, s.Daemons[i].Name, s.Daemon),
			})
		}
	}
	if n := s.Clients.Behind; n > 0 {
		list = append(list, Reason{Code: SlowClients, Text: fmt.Sprintf("%d clients of %s do not keep up", n, s.Daemon)})
	}
	if s.Ring.Flow.LateSeconds >= lateLimit {
		list = append(list, Reason{Code: Descheduled, Text: fmt.Sprintf("%s was not scheduled for %.0f ms", s.Daemon, 1000*s.Ring.Flow.LateSeconds)})
	}
	if s.Memory.Max > 0 && float64(s.Memory.Used) >= memoryLimit*float64(s.Memory.Max) {
		list = append(list, Reason{Code: MemoryShort, Text: fmt.Sprintf("messages take %d of %d MiB on %s", s.Memory.Used>>20, s.Memory.Max>>20, s.Daemon)})
	}
	if len(list) == 0 {
		return Healthy, []Reason{}
	}
	return Degraded, list
}

// Codes returns the codes of reasons, each once, separated by commas.
func Codes(reasons []Reason) string {
	var codes []string
	seen := make(map[Code]bool)
	for _, r := range reasons {
		if !seen[r.Code] {
			seen[r.Code] = true
			codes = append(codes, string(r.Code))
		}
	}
	return strings.Join(codes, ", ")
}
