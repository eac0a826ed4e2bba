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

// Code names a reason. [Code.Explain] says what it means and what to do, and so does
// docs/operate/status-codes.md.
type Code string

// The codes.
const (
	NoRing             Code = "no-ring"
	NeverHeard         Code = "never-heard"
	Silent             Code = "silent"
	PortRefuses        Code = "port-refuses"
	OtherConfiguration Code = "other-configuration"
	Stopped            Code = "stopped"
	Apart              Code = "apart"
	NoAnswer           Code = "no-answer"
	SplitRings         Code = "split-rings"
	KeysMixed          Code = "keys-mixed"
	OneWay             Code = "one-way"
	CutLink            Code = "cut-link"
	Loss               Code = "loss"
	SlowClients        Code = "slow-clients"
	Descheduled        Code = "descheduled"
	MemoryShort        Code = "memory-short"
)

// explained says of each code what it means and what to do.
var explained = []struct { //nolint:gochecknoglobals // a constant
	code        Code
	meaning, do string
}{
	{NoRing, "A daemon is in no ring that works.", "Look at the reasons of the missing daemons. If all links are good, look for a firewall that blocks UDP P or P+1, the port of the token, in one direction. While messages flow, a blocked P can be shown for some seconds only: compare `they_hear` in the logs of the daemons."},
	{NeverHeard, "Nothing was heard of a daemon since this one started.", "Check that spreadd runs there, and that UDP P and P+1 are open in both directions (P is the port of the segment)."},
	{Silent, "A daemon is not heard any more.", "Check whether the host is up, spreadd runs, and the network between the hosts works."},
	{PortRefuses, "The host of a daemon answers that no process has the port open.", "Start spreadd there, and look at its log."},
	{OtherConfiguration, "A daemon runs another spread.conf.", "Install the same file on all hosts and reload."},
	{Stopped, "A daemon has announced that it stops.", "Start it again, if that was not intended."},
	{Apart, "A daemon is heard and is not in the ring.", "It may not hear this one: look at its own state."},
	{NoAnswer, "A daemon does not answer the monitor protocol, and nobody knows why.", "Check that spreadd runs there with the same spread.conf, and that UDP P is open in both directions."},
	{SplitRings, "Daemons are in different rings.", "The lists show who is with whom: look at the network between them."},
	{KeysMixed, "Daemons differ in their ring keys, or some seal datagrams and others do not.", "Finish the step of the rotation on all hosts: `spmonitor keys` shows who lacks what (docs/operate/ring-keys.md)."},
	{OneWay, "A daemon does not hear another one that hears it.", "Look for a firewall that blocks this direction: UDP P and P+1 on the host that does not hear."},
	{CutLink, "Nothing passes from one daemon to another, although both are alive.", "Look at the network and the firewalls between these two hosts."},
	{Loss, "At least 2 % of the packets of a daemon had to be sent again to another one.", "Look for overload or a bad network: `drops` with `kernel` in `/status` of the receiver, and errors of the network cards."},
	{SlowClients, "Clients do not keep up.", "`/status/sessions` of the daemon shows who is `behind`: these programs must read faster, or filter less."},
	{Descheduled, "A daemon did not get processor time for 100 ms or more.", "Give it priority (`-realtime`), or take load off the host."},
	{MemoryShort, "Messages take 80 % of `-max-memory`.", "Find the client with most waiting, or raise the limit."},
}

// Explain returns what a code means and what to do.
func (c Code) Explain() (meaning, do string) {
	for _, e := range explained {
		if e.code == c {
			return e.meaning, e.do
		}
	}
	return "", ""
}

// Reason is why a verdict is not "healthy".
type Reason struct {
	Code Code `json:"code"`
	// Daemon is the daemon that it is about, if it is about one.
	Daemon string `json:"daemon,omitempty"`
	// Text is the reason as a sentence for people, and Do what to do.
	Text string `json:"text"`
	Do   string `json:"do,omitempty"`
}

// behindText says that clients of a daemon do not keep up.
func behindText(n int, daemon string) string {
	if n == 1 {
		return fmt.Sprintf("1 client of %s does not keep up", daemon)
	}
	return fmt.Sprintf("%d clients of %s do not keep up", n, daemon)
}

// advise adds what to do.
func advise(list []Reason) {
	for i := range list {
		_, list[i].Do = list[i].Code.Explain()
	}
}

// The limits from which on a state is not healthy.
const (
	// lossLimit is the share of packets that have to be sent again; from brokenLimit on, the link itself
	// carries nothing or next to nothing.
	lossLimit   = 0.02
	brokenLimit = 0.5
	// lateLimit is for how long a daemon may be descheduled, in seconds.
	lateLimit = 0.1
	// memoryLimit is the share of the memory for messages.
	memoryLimit = 0.8
)

// Judge returns the verdict of one daemon's state, and all reasons, the worst first.
func Judge(s *Status) (Verdict, []Reason) {
	var list []Reason
	if !s.Ring.Operating {
		list = append(list, Reason{Code: NoRing, Text: "no ring is in operation on " + s.Daemon + s.tokens()})
	}
	for i := range s.Daemons {
		d := &s.Daemons[i]
		if d.State != Member && !d.Self {
			list = append(list, Reason{Code: d.Reason, Daemon: d.Name, Text: d.Name + " is missing: " + d.Text})
		}
	}
	for i := range s.Daemons {
		if d := &s.Daemons[i]; s.Keys != nil && d.State == Member && d.Keys != nil && d.Keys.Sends != SendsUnknown && !d.Keys.same(s.Keys) {
			list = append(list, Reason{
				Code: KeysMixed, Daemon: d.Name,
				Text: fmt.Sprintf("keys: mixed: %s has other ring keys (%s) than %s (%s)", d.Name, d.Keys.text(), s.Daemon, s.Keys.text()),
			})
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
		list = append(list, Reason{Code: SlowClients, Text: behindText(n, s.Daemon)})
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
	advise(list)
	return Degraded, list
}

// tokens says where form tokens went, which came to nothing.
func (s *Status) tokens() string {
	var text strings.Builder
	for i := range s.Daemons {
		if d := &s.Daemons[i]; d.TokenSent {
			fmt.Fprintf(&text, "; it sends form tokens to %s (are UDP %d and %d open from %s to %s, and on around the ring?)", d.Name, d.Port, d.Port+1, s.Daemon, d.Name)
		}
	}
	return text.String()
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
