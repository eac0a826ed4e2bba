package monitor

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"time"

	"github.com/spreadd/spreadd/daemon/status"
	"github.com/spreadd/spreadd/internal/seal"
	"github.com/spreadd/spreadd/wire"
)

// again is after how long daemons that have not answered are asked again.
const again = 250 * time.Millisecond

// Collect asks all daemons how they are, waits for at most patience, and returns the answers in the
// order of the configuration. The error says why nothing could be asked or received at all.
func Collect(ctx context.Context, cfg Config, patience time.Duration) (*status.Cluster, error) {
	s, err := Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.Close() }() // nothing was buffered
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	c := collection{socket: s, answers: make([]answer, len(s.daemons)), nonces: make(map[uint32]question)}
	deadline := time.Now().Add(patience)
	for next := time.Now(); ; {
		if now := time.Now(); !now.Before(next) {
			if err := c.ask(); err != nil {
				return nil, err
			}
			next = now.Add(again)
		}
		if c.complete() || !time.Now().Before(deadline) {
			break
		}
		if err := s.conn.SetReadDeadline(earlier(next, deadline)); err != nil {
			return nil, err
		}
		r, err := s.Receive()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
		case errors.Is(err, net.ErrClosed) && ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			return nil, err
		default:
			c.take(&r)
		}
	}
	return c.cluster(), nil
}

// RoundTrips returns how long each daemon other than self took to answer; 0 for those that have not. Those
// that answer without an extended status are left out.
func RoundTrips(c *status.Cluster, self string) map[string]time.Duration {
	times := make(map[string]time.Duration)
	for i := range c.Daemons {
		switch d := &c.Daemons[i]; {
		case d.Name == self:
		case d.Extended:
			times[d.Name] = max(1, time.Duration(d.RoundTripSeconds*float64(time.Second)))
		case !d.Answered:
			times[d.Name] = 0
		}
	}
	return times
}

// Name returns the name of Self, or "" if it is not one of the daemons.
func (c *Config) Name() string {
	for i := range c.Daemons {
		if c.Daemons[i].ID == c.Self {
			return c.Daemons[i].Name
		}
	}
	return ""
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// collection is what was asked and answered.
type collection struct {
	socket  *Socket
	answers []answer
	nonces  map[uint32]question
}

// question is one that was asked.
type question struct {
	daemon int
	at     time.Time
}

// answer is what one daemon has answered.
type answer struct {
	report *wire.Status
	// summary has the peers of all answers together.
	summary *wire.Summary
	took    time.Duration
}

// missing returns the rank from which on a daemon has not described the others, or false if it has
// answered everything.
func (a *answer) missing() (first int, ok bool) {
	switch {
	case a.report == nil:
		return 0, true
	case a.summary == nil:
		return 0, false // A daemon that knows plain reports only.
	default:
		return len(a.summary.Peers), len(a.summary.Peers) < int(a.summary.Configured)
	}
}

func (c *collection) complete() bool {
	return !slices.ContainsFunc(c.answers, func(a answer) bool { _, missing := a.missing(); return missing })
}

// ask asks all daemons for what they have not answered. It returns an error if none can be asked.
func (c *collection) ask() error {
	var errs []error
	asked := 0
	for i := range c.answers {
		first, missing := c.answers[i].missing()
		if !missing {
			continue
		}
		asked++
		if err := c.query(i, first); err != nil {
			errs = append(errs, err)
		}
	}
	if asked > 0 && len(errs) == asked && asked == len(c.answers) {
		return errors.Join(errs...)
	}
	return nil
}

func (c *collection) query(i, first int) error {
	nonce := rand.Uint32()
	c.nonces[nonce] = question{i, time.Now()}
	return c.socket.Summarize(i, first, nonce)
}

// take takes an answer.
func (c *collection) take(r *Report) {
	if r.Daemon < 0 {
		return
	}
	a := &c.answers[r.Daemon]
	if r.Summary == nil {
		if a.report == nil { // A daemon of ours answers so only to others.
			a.report = &r.Status
		}
		return
	}
	q, known := c.nonces[r.Summary.Nonce]
	if !known || q.daemon != r.Daemon {
		return
	}
	delete(c.nonces, r.Summary.Nonce)
	a.report = &r.Status
	switch {
	case a.summary == nil:
		if r.Summary.First != 0 {
			return
		}
		a.summary, a.took = r.Summary, time.Since(q.at)
	case int(r.Summary.First) == len(a.summary.Peers):
		a.summary.Peers = append(a.summary.Peers, r.Summary.Peers...)
	default:
		return
	}
	if first, missing := a.missing(); missing && len(r.Summary.Peers) > 0 {
		_ = c.query(r.Daemon, first) // It is asked again later.
	}
}

// cluster returns the answers as a whole.
func (c *collection) cluster() *status.Cluster {
	out := &status.Cluster{Time: time.Now()}
	for i := range c.socket.daemons {
		d := &c.socket.daemons[i]
		s := status.Summary{Name: d.Name, Address: d.Addr.Addr().String(), Port: d.Addr.Port(), Segment: d.Segment}
		if a := &c.answers[i]; a.report != nil {
			c.describe(&s, a, out.Time)
		}
		out.Daemons = append(out.Daemons, s)
	}
	out.Verdict, out.Reasons = status.JudgeCluster(out)
	return out
}

// describe fills in what a daemon has answered.
func (c *collection) describe(s *status.Summary, a *answer, now time.Time) {
	r := a.report
	s.Answered = true
	s.Protocol = fmt.Sprintf("%d.%d.%d", r.MajorVersion, r.MinorVersion, r.PatchVersion)
	s.UptimeSeconds = float64(r.Seconds)
	s.State, s.GroupsState = StateName(r.State), GroupsStateName(r.GroupState)
	s.Operating = s.State == "OP"
	s.Leader, s.Members = c.socket.DaemonName(r.Leader), int(r.Daemons)
	s.Sessions, s.Groups = int(uint16(r.Sessions)), int(uint16(r.Groups))
	s.Sent, s.Received, s.Delivered = int64(uint32(r.PacketsSent)), int64(uint32(r.PacketsReceived)), int64(uint32(r.PacketsDelivered))
	s.Retransmitted, s.MessagesDelivered, s.Installed = int64(uint32(r.Retrans)), int64(uint32(r.MessagesDelivered)), int64(uint16(r.MembershipChanges))
	x := a.summary
	if x == nil {
		return
	}
	s.Extended, s.Version, s.Change = true, x.Version, x.Change
	s.RoundTripSeconds = a.took.Seconds()
	s.Operating = x.Operating == 1
	if x.Ring != (wire.MembershipID{}) {
		since := now.Add(-time.Duration(x.RingSeconds) * time.Second)
		s.Ring, s.Since = fmt.Sprintf("%s:%d", c.socket.DaemonName(x.Ring.Daemon), x.Ring.Time), &since
	}
	s.Hash = fmt.Sprintf("%08x", x.ConfHash)
	s.RoundSeconds, s.LateSeconds = seconds(x.RoundMicros), seconds(x.LateMicros)
	s.Sessions, s.Groups, s.Behind, s.WaitingBytes = int(x.Sessions), int(x.Groups), int(x.Behind), int64(x.WaitingBytes)
	s.DroppedSlow, s.MemoryUsed, s.MemoryMax, s.Suspicious = int64(x.DroppedSlow), int64(x.MemoryUsed), int64(x.MemoryMax), int64(x.Suspicious)
	s.Sent, s.Received, s.Retransmitted = int64(x.Sent), int64(x.Received), int64(x.Retrans)
	s.MessagesDelivered, s.Installed = int64(x.Messages), int64(x.Installed)
	if k := x.Keys; k != nil {
		s.Keys = &status.RingKeys{SendsPlain: k.Flags&wire.KeysSendPlain != 0, AcceptsPlain: k.Flags&wire.KeysAcceptPlain != 0}
		if k.InUse != 0 {
			s.Keys.InUse, s.Keys.Set = seal.KeyID(k.InUse).String(), fmt.Sprintf("%08x", k.Known)
		}
	}
	for i := range x.Peers {
		if p := &x.Peers[i]; p.State != wire.PeerSelf {
			s.Peers = append(s.Peers, c.peer(p))
		}
	}
}

// peer returns how a daemon hears another.
func (c *collection) peer(p *wire.PeerSummary) status.Peer {
	out := status.Peer{
		Name: c.socket.DaemonName(p.ID), State: status.NeverSeen, SinceSeconds: float64(p.SinceSecs),
		Packets: int64(p.Packets), Missed: int64(p.Missed),
	}
	out.SetReason(p.Reason)
	switch p.State {
	case wire.PeerMember:
		out.State = status.Member
	case wire.PeerMissing:
		out.State = status.Missing
	}
	if p.LastMillis != wire.NeverMillis {
		last := float64(p.LastMillis) / 1000
		out.LastSeconds = &last
	}
	if p.LossPermyle != wire.LossUnknown {
		loss := float64(p.LossPermyle) / 10_000
		out.LossRate = &loss
	}
	if p.RoundMicros > 0 {
		rtt := seconds(p.RoundMicros)
		out.RoundTripSeconds = &rtt
	}
	return out
}

func seconds(micros uint32) float64 { return float64(micros) / 1e6 }

// StateName returns the name of a state of the membership protocol.
func StateName(state int32) string {
	return name(state, "OP", "SEG", "REPRESENTED", "GATHER", "FORM", "EVS")
}

// GroupsStateName returns the name of a state of the groups.
func GroupsStateName(state int32) string { return name(state, "GOP", "GTRANS", "GGATHER", "GGT") }

// name returns the name of a state, of which the first is 1.
func name(state int32, names ...string) string {
	if state < 1 || int(state) > len(names) {
		return fmt.Sprintf("unknown (%d)", state)
	}
	return names[state-1]
}
