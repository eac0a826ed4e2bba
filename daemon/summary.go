package daemon

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"slices"
	"time"

	"github.com/spreadd/spreadd/daemon/session"
	"github.com/spreadd/spreadd/daemon/status"
	"github.com/spreadd/spreadd/internal/buildinfo"
	"github.com/spreadd/spreadd/wire"
)

const (
	// unansweredAfter is how long a daemon answers no request until it counts as one that does not.
	unansweredAfter = 12 * time.Second
	// askedLately is how long ago the last request may be of a daemon that asks. It is twice the time
	// between two requests.
	askedLately = 40 * time.Second
)

// roundTrips are times that daemons took to answer a monitor on this one.
type roundTrips struct {
	at    time.Time
	times map[string]time.Duration // by name; 0 for those that have not answered
	since map[string]time.Time     // since when those have not
}

// next returns what is known after further answers.
func (r *roundTrips) next(now time.Time, times map[string]time.Duration) *roundTrips {
	n := &roundTrips{now, times, make(map[string]time.Time)}
	for name, t := range times {
		if t > 0 {
			continue
		}
		if n.since[name] = now; r != nil && !r.since[name].IsZero() && now.Sub(r.at) < remembered {
			n.since[name] = r.since[name]
		}
	}
	return n
}

// unanswered reports whether a daemon answers no requests.
func (r *roundTrips) unanswered(now time.Time, name string) bool {
	return r != nil && now.Sub(r.at) < remembered && !r.since[name].IsZero() && r.at.Sub(r.since[name]) >= unansweredAfter
}

// NoteRoundTrips remembers for a minute how long other daemons took to answer a request of a monitor
// on this daemon, by their names; 0 for those that have not answered. The state shows it.
func (d *Daemon) NoteRoundTrips(times map[string]time.Duration) {
	d.roundTrips.Store(d.roundTrips.Load().next(time.Now(), times))
}

// roundTrip returns the last time that a daemon took to answer, or 0.
func (s *shared) roundTrip(name string) time.Duration {
	r := s.roundTrips.Load()
	if r == nil || time.Since(r.at) > remembered {
		return 0
	}
	return r.times[name]
}

// Numbers of states and reasons in a summary.
func summaryState(d *status.Daemon) uint8 {
	switch {
	case d.Self:
		return wire.PeerSelf
	case d.State == status.Member:
		return wire.PeerMember
	case d.State == status.Missing:
		return wire.PeerMissing
	default:
		return wire.PeerNeverSeen
	}
}

// summaryAge is for how long a summary is used again: requests, however many, cost little.
const summaryAge = 100 * time.Millisecond

// lastSummary is a summary that describes all daemons, and when it was made.
type lastSummary struct {
	at time.Time
	s  wire.Summary
}

// summary returns the extended status of this daemon for a monitor.
func (o *owner) summary(st *wire.Status, r *wire.SummaryRequest) *wire.Summary {
	if now := time.Now(); now.Sub(o.lastSummary.at) >= summaryAge {
		o.lastSummary = lastSummary{now, o.summarize()}
	}
	s := o.lastSummary.s
	s.Status, s.Nonce, s.First = *st, r.Nonce, r.First
	s.Peers = s.Peers[min(int(r.First), len(s.Peers)):]
	return &s
}

// summarize makes a summary that describes all daemons.
func (o *owner) summarize() wire.Summary {
	d := o.describe()
	es := o.engine.Status()
	sessions := o.sessions.Stats()
	s := wire.Summary{Version: buildinfo.Version()}
	if len(d.Changes) > 0 {
		s.Change = d.Changes[0].Text
	}
	s.SummaryHead = wire.SummaryHead{
		ConfHash: o.cfg.Engine.ConfHash, RoundMicros: micros(d.Ring.Token.RoundSeconds), LateMicros: micros(d.Ring.Flow.LateSeconds),
		Sessions: uint32(len(o.clients)), Groups: uint32(es.NumGroups), Behind: uint32(sessions.Behind), Installed: uint32(es.Ring.MembershipChanges),
		WaitingBytes: uint64(sessions.Waiting.Bytes), DroppedSlow: uint64(sessions.Ended[session.SessionSlow]), MemoryUsed: uint64(o.memory()), MemoryMax: uint64(o.maxMemory),
		Messages: es.Messages, Sent: uint64(es.Ring.PacketsSent), Received: uint64(es.Ring.PacketsReceived), Retrans: uint64(es.Ring.Retrans),
		Configured: uint16(len(d.Daemons)),
	}
	if d.Ring.Operating {
		s.Operating = 1
	}
	if d.Ring.Since != nil {
		s.Ring, _ = o.engine.Installed()
		s.RingSeconds = uint32(d.Time.Sub(*d.Ring.Since).Seconds())
	}
	s.Keys = o.summaryKeys()
	counts := o.engine.Counts()
	suspicious(&counts, func(_ string, n int64) { s.Suspicious += uint64(n) })
	for i := range d.Daemons {
		s.Peers = append(s.Peers, peerSummary(&d.Daemons[i], d.Time))
	}
	return s
}

// summaryKeys returns the state of the ring keys.
func (o *owner) summaryKeys() *wire.SummaryKeys {
	k := &wire.SummaryKeys{Flags: wire.KeysSendPlain | wire.KeysAcceptPlain}
	if o.sealer == nil || o.sealer.Overhead() == 0 {
		return k
	}
	own := o.sealer.Status().Own
	k.InUse, k.Flags = uint32(own.InUse), 0
	var ids []byte
	for _, id := range slices.Sorted(slices.Values(own.Keys)) {
		ids = binary.LittleEndian.AppendUint32(ids, uint32(id))
	}
	k.Known = crc32.ChecksumIEEE(ids)
	if own.SendsPlain {
		k.Flags |= wire.KeysSendPlain
	}
	if own.AcceptsPlain {
		k.Flags |= wire.KeysAcceptPlain
	}
	return k
}

func peerSummary(d *status.Daemon, now time.Time) wire.PeerSummary {
	p := wire.PeerSummary{
		ID: wire.DaemonID(d.ID), State: summaryState(d), Reason: d.PeerReason(), SinceSecs: uint32(now.Sub(d.Since).Seconds()),
		LossPermyle: wire.LossUnknown, LastMillis: wire.NeverMillis,
	}
	h := d.Heard
	if h == nil {
		return p
	}
	p.Packets, p.Missed = uint32(h.Packets), uint32(h.Missed)
	if h.Last != nil {
		p.LastMillis = uint32(min(max(0, now.Sub(*h.Last).Milliseconds()), wire.NeverMillis-1))
	}
	if h.LossRate != nil {
		p.LossPermyle = uint16(*h.LossRate * 10_000)
	}
	if h.RoundTripSeconds != nil {
		p.RoundMicros = micros(*h.RoundTripSeconds)
	}
	return p
}

func micros(seconds float64) uint32 { return uint32(min(seconds*1e6, math.MaxUint32)) }
