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
	list = append(list, c.mixedKeys()...)
	list = append(list, c.holes()...)
	for i := range c.Daemons {
		list = append(list, c.Daemons[i].troubles()...)
	}
	advise(list)
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
		s.Text = "no answer, although it is in a ring (is UDP blocked in either direction?)"
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

// mixedKeys returns a reason if daemons differ in their ring keys.
func (c *Cluster) mixedKeys() []Reason {
	var kinds []RingKeys
	with := make(map[RingKeys][]string)
	for i := range c.Daemons {
		d := &c.Daemons[i]
		if d.Keys == nil {
			continue
		}
		if with[*d.Keys] == nil {
			kinds = append(kinds, *d.Keys)
		}
		with[*d.Keys] = append(with[*d.Keys], d.Name)
	}
	if len(kinds) < 2 {
		return nil
	}
	var texts []string
	for i := range kinds {
		texts = append(texts, fmt.Sprintf("%s (%s)", strings.Join(with[kinds[i]], " "), kinds[i].text()))
	}
	return []Reason{{Code: KeysMixed, Text: "keys: mixed: " + strings.Join(texts, " | ")}}
}

// link sums up how well the daemon a hears another, by what all say.
func (c *Cluster) link(a *Summary, p *Peer) Link {
	switch {
	// While nobody sends, a member hears only the one that passes the token to it.
	case p.State == Member && p.LossRate != nil && *p.LossRate >= brokenLimit:
		return LinkBroken
	case p.State == Member && p.LossRate != nil && *p.LossRate >= lossLimit:
		return LinkLossy
	case p.State == Member || p.lately():
		return LinkGood
	case c.alive(a, p.Name):
		return LinkBroken
	default:
		return LinkSilent
	}
}

// lately reports whether the peer was heard in the last seconds.
func (p *Peer) lately() bool { return p != nil && p.LastSeconds != nil && *p.LastSeconds < heardLately }

// alive reports whether a daemon that another one does not hear must be sending to it. A member of a ring
// sends to other rings only if it leads its own, so that its silence alone means nothing.
func (c *Cluster) alive(a *Summary, name string) bool {
	i := slices.IndexFunc(c.Daemons, func(s Summary) bool { return s.Name == name })
	switch {
	case i < 0:
		return false
	case c.Daemons[i].Answered:
		b := &c.Daemons[i]
		return b.peer(a.Name).lately() || a.leads() && b.leads()
	default:
		// The daemon that asks has no answer from it, and another one is in a ring with it.
		return a.Name == c.From && slices.ContainsFunc(c.Daemons, func(s Summary) bool {
			p := s.peer(name)
			return p.lately() && p.State == Member
		})
	}
}

// leads reports whether the daemon is the leader of a ring.
func (s *Summary) leads() bool { return s.Operating && s.Leader == s.Name }

// peer returns how the daemon hears another, or nil.
func (s *Summary) peer(name string) *Peer {
	for i := range s.Peers {
		if s.Peers[i].Name == name {
			return &s.Peers[i]
		}
	}
	return nil
}

// passage returns what another daemon says of this one, to which it sends, and this one of that, from
// which it gets. Only daemons of the same version are compared, because older ones do not say what came.
func (s *Summary) passage(from *Summary) (sent, came *Peer, ok bool) {
	sent, came = from.peer(s.Name), s.peer(from.Name)
	return sent, came, sent != nil && came != nil && s.Version == from.Version
}

// lacksToken reports whether another daemon sends form tokens to this one, which do not arrive.
func (s *Summary) lacksToken(from *Summary) bool {
	sent, came, ok := s.passage(from)
	return ok && sent.TokenSent && !came.TokenCame
}

// lacksAsks reports whether another daemon of the ring sends requests of a monitor to this one, which do
// not arrive. While nobody sends messages, nothing else crosses the port.
func (s *Summary) lacksAsks(from *Summary) bool {
	sent, came, ok := s.passage(from)
	return ok && came.State == Member && sent.State == Member && sent.Unanswered && !came.AskCame
}

// holes fills in the links, and returns those that are broken. A link that is broken in both directions
// is named once.
func (c *Cluster) holes() []Reason {
	for i := range c.Daemons {
		for k := range c.Daemons[i].Peers {
			c.Daemons[i].Peers[k].Link = c.link(&c.Daemons[i], &c.Daemons[i].Peers[k])
		}
	}
	var list []Reason
	for i := range c.Daemons {
		for j := range c.Daemons {
			a, b := &c.Daemons[i], &c.Daemons[j]
			there, back := a.peer(b.Name), b.peer(a.Name)
			if a.lacksToken(b) && there.Link != LinkBroken {
				list = append(list, Reason{Code: OneWay, Daemon: a.Name, Text: fmt.Sprintf(
					"%s sends form tokens to %s, and none arrives (is UDP %d open from %s to %s?)", b.Name, a.Name, a.Port+1, b.Name, a.Name)})
				continue
			}
			if a.lacksAsks(b) && there.Link != LinkBroken {
				there.Link = LinkBroken
				list = append(list, Reason{Code: OneWay, Daemon: a.Name, Text: fmt.Sprintf(
					"%s gets no request of %s, which asks all daemons how they are (is UDP %d open from %s to %s?)", a.Name, b.Name, a.Port, b.Name, a.Name)})
				continue
			}
			if there == nil || there.Link != LinkBroken {
				continue
			}
			r := Reason{Code: CutLink, Daemon: a.Name}
			blocked := fmt.Sprintf("(are UDP %d and %d open from %s to %s?)", a.Port, a.Port+1, b.Name, a.Name)
			switch {
			case there.State == Member:
				r.Code = OneWay
				r.Text = fmt.Sprintf("%s gets %.0f %% of the packets of %s only when they are sent again %s", a.Name, 100**there.LossRate, b.Name, blocked)
			case back == nil:
				r.Text = fmt.Sprintf("%s does not hear %s, which others hear %s", a.Name, b.Name, blocked)
			case back.Link != LinkBroken:
				r.Code = OneWay
				r.Text = fmt.Sprintf("%s does not hear %s, which hears it %s", a.Name, b.Name, blocked)
			case i > j:
				continue
			default:
				r.Text = fmt.Sprintf("%s and %s do not hear each other, and both are alive (are UDP %d and %d open between them?)", a.Name, b.Name, a.Port, a.Port+1)
			}
			list = append(list, r)
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
		if p.Link == LinkLossy {
			add(Loss, "%.1f %% of the packets of %s have to be sent again to %s", 100**p.LossRate, p.Name, s.Name)
		}
	}
	if s.Behind > 0 {
		add(SlowClients, "%s", behindText(s.Behind, s.Name))
	}
	if s.LateSeconds >= lateLimit {
		add(Descheduled, "%s was not scheduled for %.0f ms", s.Name, 1000*s.LateSeconds)
	}
	if s.MemoryMax > 0 && float64(s.MemoryUsed) >= memoryLimit*float64(s.MemoryMax) {
		add(MemoryShort, "messages take %d of %d MiB on %s", s.MemoryUsed>>20, s.MemoryMax>>20, s.Name)
	}
	return list
}
