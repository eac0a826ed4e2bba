package status

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// heardLately is the most time since the last datagram, in seconds, for a daemon that counts as
// heard.
const heardLately = 5

// JudgeCluster returns the verdict of all daemons' answers, and all reasons, the worst first. It fills
// in why daemons that have not answered may be missing, as the others see it.
func JudgeCluster(c *Cluster) (Verdict, []Reason) {
	list := []Reason{}
	answered := 0
	for i := range c.Daemons {
		d := &c.Daemons[i]
		if d.Answered {
			answered++
			continue
		}
		d.explain(c)
		list = append(list, Reason{Code: d.Missing, Daemon: d.Name, Text: d.Name + " does not answer: " + d.Text})
	}
	list = append(list, c.split()...)
	for i := range c.Daemons {
		if d := &c.Daemons[i]; d.Answered && !d.Operating {
			list = append(list, Reason{Code: NoRing, Daemon: d.Name, Text: fmt.Sprintf("%s is in no ring that works (state %s)", d.Name, d.State)})
		}
	}
	list = append(list, c.holes()...)
	for i := range c.Daemons {
		list = append(list, c.Daemons[i].troubles()...)
	}
	switch {
	case answered == 0:
		return Unreachable, list
	case len(list) == 0:
		return Healthy, list
	default:
		return Degraded, list
	}
}

// explain says why a daemon that has not answered may be missing: what most others say.
func (s *Summary) explain(c *Cluster) {
	s.Missing, s.Text = NoAnswer, "no answer (is it running, with the same spread.conf?)"
	counts := make(map[Code]int)
	members := 0
	var since float64
	for i := range c.Daemons {
		for _, p := range c.Daemons[i].Peers {
			switch {
			case p.Name != s.Name:
			case p.State == Member:
				members++
			default:
				counts[p.Reason]++
				since = max(since, p.SinceSeconds)
			}
		}
	}
	if members > 0 {
		s.Text = "no answer, although it is in a ring (is the answer's way blocked?)"
		return
	}
	most := 0
	for _, code := range []Code{OtherConfiguration, PortRefuses, Stopped, Silent, Apart, NeverHeard} {
		if counts[code] > most {
			most, s.Missing = counts[code], code
		}
	}
	if most == 0 {
		return
	}
	t := c.Time.Add(-time.Duration(since * float64(time.Second)))
	s.Since = &t
	s.Text = words[s.Missing]
	if s.Missing == NeverHeard {
		s.Text = fmt.Sprintf("never heard (is it running, and are UDP %d and %d open between the hosts?)", s.Port, s.Port+1)
	}
}

// words say in words why a daemon is missing.
var words = map[Code]string{ //nolint:gochecknoglobals // a constant
	OtherConfiguration: "it runs another spread.conf",
	PortRefuses:        "its host refuses (no spreadd runs there)",
	Stopped:            "it announced that it stops",
	Silent:             "not heard any more (host down, process frozen or network cut)",
	Apart:              "it is heard, and is in no ring with the others",
}

// split returns a reason if daemons are in different rings.
func (c *Cluster) split() []Reason {
	// A C daemon says only who leads its ring.
	byLeader := slices.ContainsFunc(c.Daemons, func(s Summary) bool { return s.Answered && !s.Extended })
	members := make(map[string][]string)
	var rings []string
	for i := range c.Daemons {
		d := &c.Daemons[i]
		id := d.Ring
		if byLeader {
			id = d.Leader
		}
		if !d.Answered || !d.Operating {
			continue
		}
		if members[id] == nil {
			rings = append(rings, id)
		}
		members[id] = append(members[id], d.Name)
	}
	if len(rings) < 2 {
		return nil
	}
	var texts []string
	for _, id := range rings {
		texts = append(texts, strings.Join(members[id], " "))
	}
	return []Reason{{Code: SplitRings, Text: "the daemons are in different rings: " + strings.Join(texts, " | ")}}
}

// holes returns the links that carry datagrams in one direction only. Daemons that are in one ring have
// none: while nobody sends, each hears only the one that passes the token to it.
func (c *Cluster) holes() []Reason {
	var list []Reason
	hears := func(a, b *Summary) (heard, apart bool) {
		for _, p := range a.Peers {
			if p.Name == b.Name {
				return p.LastSeconds != nil && *p.LastSeconds < heardLately, p.State != Member
			}
		}
		return false, false
	}
	for i := range c.Daemons {
		for j := range c.Daemons {
			a, b := &c.Daemons[i], &c.Daemons[j]
			there, apart := hears(a, b)
			back, _ := hears(b, a)
			if apart && !there && back {
				list = append(list, Reason{
					Code: OneWay, Daemon: a.Name,
					Text: fmt.Sprintf("%s does not hear %s, which hears it (is UDP %d and %d from %s to %s blocked?)", a.Name, b.Name, a.Port, a.Port+1, b.Name, a.Name),
				})
			}
		}
	}
	return list
}

// troubles returns what a daemon that has answered says of itself.
func (s *Summary) troubles() []Reason {
	var list []Reason
	add := func(code Code, format string, args ...any) {
		list = append(list, Reason{Code: code, Daemon: s.Name, Text: fmt.Sprintf(format, args...)})
	}
	for _, p := range s.Peers {
		if p.LossRate != nil && *p.LossRate >= lossLimit {
			add(Loss, "%.1f %% of the packets of %s have to be sent again to %s", 100**p.LossRate, p.Name, s.Name)
		}
	}
	if s.Behind > 0 {
		add(SlowClients, "%d clients of %s do not keep up", s.Behind, s.Name)
	}
	if s.LateSeconds >= lateLimit {
		add(Descheduled, "%s was not scheduled for %.0f ms", s.Name, 1000*s.LateSeconds)
	}
	if s.MemoryMax > 0 && float64(s.MemoryUsed) >= memoryLimit*float64(s.MemoryMax) {
		add(MemoryShort, "messages take %d of %d MiB on %s", s.MemoryUsed>>20, s.MemoryMax>>20, s.Name)
	}
	return list
}
