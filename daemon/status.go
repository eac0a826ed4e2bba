package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spreadd/spreadd/daemon/session"
	"github.com/spreadd/spreadd/daemon/status"
	"github.com/spreadd/spreadd/daemon/transport"
	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/groups"
	"github.com/spreadd/spreadd/internal/buildinfo"
	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/internal/seal"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/membership"
	"github.com/spreadd/spreadd/ring"
	"github.com/spreadd/spreadd/wire"
)

// ErrNotRunning is returned for what only a running daemon knows.
var ErrNotRunning = errors.New("the daemon is not running")

// Status returns the state of the daemon, without sessions and groups. The owner is asked for what it
// knows, in one piece of work that grows with the number of daemons only.
func (d *Daemon) Status(ctx context.Context) (*status.Status, error) {
	s, err := ask(ctx, d, func(o *owner) *status.Status { return o.describe() })
	if err != nil {
		return nil, err
	}
	st := d.Stats()
	s.Clients = clientsOf(&st.Sessions, d.sessions.MaxSessions(), st.Pauses)
	s.Memory = status.Memory{Used: st.Memory, Max: st.MaxMemory}
	s.Drops = drops(&st)
	s.Verdict, s.Reasons = status.Judge(s)
	s.Sessions.List, s.Groups.List = []status.Session{}, []status.Group{}
	return s, nil
}

// Alive returns an error if the goroutine that runs the ring does not answer before the context ends.
func (d *Daemon) Alive(ctx context.Context) error {
	_, err := ask(ctx, d, func(*owner) bool { return true })
	return err
}

// errNoMembership is why a daemon that has just started does not serve clients.
var errNoMembership = errors.New("no membership is installed yet")

// Serving returns an error before the first membership, while no ring works for longer than a change of
// the ring takes, and in the cases of [Daemon.Alive].
func (d *Daemon) Serving(ctx context.Context) error {
	why, err := ask(ctx, d, func(o *owner) error {
		switch {
		case !o.isReady():
			return errNoMembership
		case o.lost():
			return fmt.Errorf("in no ring that works for %s (state %s)", ago(o.moment().Sub(o.forming.since)), o.engine.Status().Membership)
		default:
			return nil
		}
	})
	return cmp.Or(err, why)
}

// ask has the owner return something.
func ask[T any](ctx context.Context, d *Daemon, f func(*owner) T) (T, error) {
	var none T
	if !d.started.Load() {
		return none, ErrNotRunning
	}
	answer := make(chan T, 1)
	select {
	case d.calls <- func(o *owner) { answer <- f(o) }:
		d.wake()
	case <-d.stopped:
		return none, ErrNotRunning
	case <-ctx.Done():
		return none, fmt.Errorf("the daemon does not answer: %w", ctx.Err())
	}
	select {
	case a := <-answer:
		return a, nil
	case <-d.stopped:
		return none, ErrNotRunning
	case <-ctx.Done():
		return none, fmt.Errorf("the daemon does not answer: %w", ctx.Err())
	}
}

// describe returns what the owner knows.
func (o *owner) describe() *status.Status {
	now := time.Now()
	top := o.cfg.Engine.Topology
	v := wire.OurVersion
	s := &status.Status{
		Time: now, Daemon: o.cfg.Name(), ID: uint32(o.cfg.Engine.Self),
		Version: buildinfo.Version(), Protocol: fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch), Started: o.start,
		Configuration: status.Configuration{
			Hash: fmt.Sprintf("%08x", o.cfg.Engine.ConfHash), Since: o.history.configured,
			Daemons: len(top.Daemons()), Segments: len(top.Segments()),
		},
		Ring: o.describeRing(now),
	}
	for i := range top.Daemons() {
		s.Daemons = append(s.Daemons, o.describePeer(&top.Daemons()[i], now))
	}
	o.describeTokens(s)
	o.describeKeys(s)
	s.Changes = slices.Clone(o.history.changes)
	slices.Reverse(s.Changes)
	if s.Changes == nil {
		s.Changes = []status.Change{}
	}
	s.Dropped = append([]status.DroppedClient{}, o.history.dropped...)
	slices.Reverse(s.Dropped)
	s.Sessions.Total, s.Groups.Total = len(o.clients), o.engine.Groups().NumGroups()
	return s
}

// describeTokens fills in where form tokens came from, and, if no ring works for too long, where they
// went. What came is remembered for longer, so that two daemons that are asked at once do not
// contradict each other.
func (o *owner) describeTokens(s *status.Status) {
	lately := 2 * patience(&o.cfg.Engine.Timeouts)
	sent, came := o.engine.Formation(o.moment().Add(-lately)), o.engine.Formation(o.moment().Add(-2*lately))
	for i, p := range sent.Peers {
		d := &s.Daemons[o.cfg.Engine.Topology.Rank(p.Daemon)]
		d.TokenSent, d.TokenCame = p.TokenSent && o.lost(), came.Peers[i].TokenCame
	}
}

// describeKeys fills in the ring keys, if this daemon has any.
func (o *owner) describeKeys(s *status.Status) {
	if o.sealer == nil || o.sealer.Overhead() == 0 {
		return
	}
	st := o.sealer.Status()
	s.Keys = keysOf(&st.Own)
	for _, id := range st.Lacking {
		s.Keys.Lacking = append(s.Keys.Lacking, o.nameOf(id))
	}
	for i := range st.Peers {
		p := &st.Peers[i]
		d := &s.Daemons[o.cfg.Engine.Topology.Rank(p.ID)]
		switch {
		case p.Stated:
			d.Keys = keysOf(&p.State)
		case !p.Proved && d.State == status.Member:
			d.Keys = &status.Keys{Sends: status.SendsPlain, AcceptsPlain: true, Known: []string{}}
		default:
			d.Keys = &status.Keys{Sends: status.SendsUnknown, Known: []string{}}
		}
		if last := st.Heard[i]; last >= 0 {
			seconds := last.Seconds()
			d.Keys.LastSeconds = &seconds
		}
	}
}

func keysOf(k *seal.KeyState) *status.Keys {
	out := &status.Keys{Sends: status.SendsSealed, AcceptsPlain: k.AcceptsPlain, InUse: k.InUse.String(), Known: []string{}}
	if k.SendsPlain {
		out.Sends = status.SendsPlain
	}
	if k.Wanted != 0 {
		out.WaitsFor = k.Wanted.String()
	}
	for _, id := range slices.Sorted(slices.Values(k.Keys)) {
		out.Known = append(out.Known, id.String())
	}
	return out
}

// describeRing returns the state of the ring.
func (o *owner) describeRing(now time.Time) status.Ring {
	st := o.engine.Status()
	r, counts := &st.Ring, o.engine.Counts()
	out := status.Ring{
		Operating: o.engine.Operating(), State: st.Membership.String(), GroupsState: st.Groups.String(),
		Members: o.memberNames(), Installed: r.MembershipChanges,
		Token: status.Token{Rounds: counts.Ring[ring.TokenTaken], Hurries: r.TokenHurries},
		Flow: status.Flow{
			Window: r.Window, Personal: r.PersonalWindow, Accelerated: r.AcceleratedWindow, AcceleratedOn: r.Accelerated,
			Queued: r.UsersQueued + r.GroupsQueued, Highest: r.Highest, OwnAru: r.MyAru, Aru: r.Aru,
			Sent: r.PacketsSent, Received: r.PacketsReceived, Delivered: r.PacketsDelivered, Retransmitted: r.Retrans,
			MessagesDelivered: int64(st.Messages), LateSeconds: st.Late.Seconds(),
		},
	}
	if out.Members == nil {
		out.Members = []string{}
	}
	if !o.history.installed.IsZero() {
		id, members := o.engine.Installed()
		out.ID, out.Leader = o.ringID(id), o.nameOf(members[0])
		since := o.history.installed
		out.Since = &since
	}
	if o.forming.since != 0 && o.forming.operating == 0 {
		since := o.when(o.forming.since)
		out.FormingSince = &since
	}
	mean := func(sum time.Duration, n int64) float64 {
		if n <= 0 {
			return 0
		}
		return sum.Seconds() / float64(n)
	}
	rounds := func(c *[len(r.Rounds.Counts)]int64) (n int64) {
		for _, x := range c {
			n += x
		}
		return n
	}
	out.Token.RoundSecondsMean = mean(r.Rounds.Sum, rounds(&r.Rounds.Counts))
	if l, seconds := o.history.lately(now); l != nil {
		rate := func(n int64) *float64 { f := float64(n) / seconds; return &f }
		out.Token.RoundSeconds = mean(r.Rounds.Sum-l.ring.Rounds.Sum, rounds(&r.Rounds.Counts)-rounds(&l.ring.Rounds.Counts))
		out.Flow.SentRate, out.Flow.ReceivedRate = rate(r.PacketsSent-l.ring.PacketsSent), rate(r.PacketsReceived-l.ring.PacketsReceived)
		out.Flow.MessageRate = rate(int64(st.Messages - l.count))
	}
	return out
}

// describePeer returns how this daemon sees a daemon of the configuration.
func (o *owner) describePeer(d *topology.Daemon, now time.Time) status.Daemon {
	p := o.engine.Peer(d.ID)
	out := status.Daemon{
		Name: d.Name, ID: uint32(d.ID), Address: d.Addr.String(), Port: o.cfg.Engine.Topology.Segments()[d.Segment].Port,
		Segment: d.Segment, Self: d.ID == o.cfg.Engine.Self,
		AskCame: o.monitors.askCame(d.ID, o.start, now), Unanswered: o.roundTrips.Load().unanswered(now, d.Name),
	}
	_, members := o.engine.Installed()
	m, moved := o.history.moved[d.ID]
	out.Since = o.start
	if moved {
		out.Since = m.at
	}
	if !out.Self {
		out.Heard = o.describeHearing(d, &p, now)
	}
	lost := o.lost()
	switch {
	case out.Self:
		out.State = status.Member
	case slices.Contains(members, d.ID) && !lost:
		out.State = status.Member
	case p.Last == 0 && !moved:
		out.State = status.NeverSeen
	default:
		out.State = status.Missing
		if lost {
			out.Since = o.when(o.forming.since)
		}
	}
	if out.State != status.Member {
		out.Reason, out.Text = o.absence(d, &p, m)
	}
	return out
}

// fewPackets is the least number of which a share is lost: one packet that was sent again is no broken
// link, even if no other was sent.
const fewPackets = 5

// lossRate returns the share of packets that were missed.
func lossRate(missed, all int64) float64 { return float64(missed) / float64(max(all, fewPackets)) }

// describeHearing returns how this daemon hears another.
func (o *owner) describeHearing(d *topology.Daemon, p *engine.Hearing, now time.Time) *status.Heard {
	at := func(t clock.Time) *time.Time {
		if t == 0 {
			return nil
		}
		w := o.when(t)
		return &w
	}
	h := &status.Heard{Last: at(p.Last), Datagrams: p.Datagrams, Packets: p.Packets, Missed: p.Missed, Refused: at(p.Refused), OtherAt: at(p.Other)}
	if p.Other != 0 {
		h.OtherHash = fmt.Sprintf("%08x", p.OtherHash)
	}
	if t := o.roundTrip(d.Name); t > 0 {
		seconds := t.Seconds()
		h.RoundTripSeconds = &seconds
	}
	if l, _ := o.history.lately(now); l != nil {
		before := l.peers[d.ID]
		if missed, all := p.Missed-before.Missed, p.Missed+p.Packets-before.Missed-before.Packets; all > 0 {
			rate := lossRate(missed, all)
			h.LossRate = &rate
		}
	}
	return h
}

// remembered is for how long a sign of a daemon explains its absence.
const remembered = time.Minute

// absence returns why a daemon is missing, as far as this one knows. Of several signs, the last one
// counts that the daemon itself has given.
func (o *owner) absence(d *topology.Daemon, p *engine.Hearing, m movement) (status.Code, string) {
	now := o.moment()
	fresh := func(t clock.Time) bool { return t != 0 && t >= p.Last && now.Sub(t) < remembered }
	port := o.cfg.Engine.Topology.Segments()[d.Segment].Port
	switch {
	case fresh(p.Other):
		return status.OtherConfiguration, fmt.Sprintf("%s runs another spread.conf (hash %08x, here %08x)", d.Addr, p.OtherHash, o.cfg.Engine.ConfHash)
	case m.why == membership.WhyStopped && !o.when(p.Last).After(m.at):
		return status.Stopped, "it announced that it stops"
	case fresh(p.Refused) || m.why == membership.WhyRefused && now.Sub(p.Last) > patience(&o.cfg.Engine.Timeouts):
		return status.PortRefuses, fmt.Sprintf("its host refuses UDP %d and %d (no spreadd runs there)", port, port+1)
	case p.Last == 0:
		return status.NeverHeard, fmt.Sprintf("never heard (is it running, and are UDP %d and %d open between the hosts?)", port, port+1)
	case now.Sub(p.Last) <= 2*patience(&o.cfg.Engine.Timeouts):
		return status.Apart, "it is heard, and is in no ring with this daemon (does it hear this one?)"
	default:
		return status.Silent, fmt.Sprintf("not heard for %s (host down, process frozen or network cut)", ago(now.Sub(p.Last)))
	}
}

// ago returns a time for people, in whole seconds, minutes or hours.
func ago(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	default:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
}

func clientsOf(st *session.Stats, most int, pauses int64) status.Clients {
	return status.Clients{
		Sessions: st.Sessions, MaxSessions: most, Handshakes: st.Handshakes, Behind: st.Behind, NearlyFull: st.NearlyFull,
		WaitingMessages: st.Waiting.Messages, WaitingBytes: st.Waiting.Bytes, Opened: st.Opened, Received: st.Received, Queued: st.Queued,
		DroppedSlow: st.Ended[session.SessionSlow], Pauses: pauses,
	}
}

// drops returns what was dropped or refused, by reason.
func drops(st *Stats) []status.Drop {
	list := []status.Drop{}
	add := func(what, reason string, n int64) {
		if n > 0 {
			list = append(list, status.Drop{What: what, Reason: reason, Count: n})
		}
	}
	suspicious(&st.Ring.Counts, func(reason string, n int64) { add("datagrams", reason, n) })
	for i, n := range st.Ring.Transport.Dropped {
		add("kernel", transport.Drop(i).String(), n)
	}
	for i, n := range st.Ring.Transport.SendFailed {
		add("sends", transport.SendFailure(i).String(), n)
	}
	for i := session.HandshakeQuota; int(i) < session.NumEnds; i++ {
		if i != session.SessionKill && i != session.SessionClosed && i != session.HandshakeClosed {
			add("clients", i.String(), st.Sessions.Ended[i])
		}
	}
	for i := 1; i < engine.NumReasons; i++ {
		if engine.Reason(i) != engine.QueueFull {
			add("requests", engine.Reason(i).String(), st.Submitted[i])
		}
	}
	for i := int(groups.Accepted) + 1; i < groups.NumReasons; i++ {
		add("groups", groups.Reason(i).String(), st.Refused[i])
	}
	return list
}
