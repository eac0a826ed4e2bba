package daemon

import (
	"sync/atomic"

	"github.com/spreadd/spreadd/daemon/session"
	"github.com/spreadd/spreadd/daemon/transport"
	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/groups"
	"github.com/spreadd/spreadd/internal/seal"
	"github.com/spreadd/spreadd/membership"
)

// Stats are a daemon's counters. They only grow, except where a comment says otherwise.
type Stats struct {
	// Sessions are the counters of the clients' side.
	Sessions session.Stats
	// Submitted counts the attempts to submit a message of a client, by outcome.
	Submitted [engine.NumReasons]int64
	// Refused counts the requests in the total order that were ignored, by reason.
	Refused [groups.NumReasons]int64
	// Left counts the daemons that have left the ring, by reason.
	Left [membership.NumWhys]int64
	// Deliveries counts the messages with at least one receiver on this daemon.
	Deliveries int64
	// Pauses counts the times that publishers began to wait for a receiver.
	Pauses int64
	// Delays counts the times that a client had to wait because its joins and leaves cost others too
	// much.
	Delays int64
	// BlocksOut is the number of pooled blocks in use now.
	BlocksOut int
	// Memory is the memory of all messages and packets now, and MaxMemory its bound.
	Memory, MaxMemory int64
	// Ring are the counters of the ring.
	Ring RingStats
}

// RingStats are the counters of the ring.
type RingStats struct {
	// Status is the state of the machines now.
	Status engine.Status
	// Counts are the machines' counters.
	Counts engine.Counts
	// Monitors counts the refused requests of monitors, by reason.
	Monitors [NumMonitorRefusals]int64
	// Transport are the counters of all sockets that the ring has had. They are zero for a daemon
	// without sockets for the ring.
	Transport transport.Stats
	// Sealed counts the datagrams that were sealed, and Seal those that arrived, by what became of
	// them. They are zero without keys.
	Sealed int64
	Seal   [seal.NumReasons]int64
	// Keys is the state of the ring's keys.
	Keys transport.SealStatus
}

// counters are the counters that the owner increments and any goroutine reads.
type counters struct {
	submitted          [engine.NumReasons]atomic.Int64
	refused            [groups.NumReasons]atomic.Int64
	left               [membership.NumWhys]atomic.Int64
	deliveries, pauses atomic.Int64
	delays             atomic.Int64
}

// Stats returns the counters. It may be called at any time.
func (d *Daemon) Stats() Stats {
	st := Stats{
		Sessions:   d.sessions.Stats(),
		Deliveries: d.count.deliveries.Load(),
		Pauses:     d.count.pauses.Load(),
		Delays:     d.count.delays.Load(),
		BlocksOut:  d.pool.Out(),
		Memory:     d.memory(),
		MaxMemory:  d.maxMemory,
	}
	for i := range st.Submitted {
		st.Submitted[i] = d.count.submitted[i].Load()
	}
	for i := range st.Refused {
		st.Refused[i] = d.count.refused[i].Load()
	}
	for i := range st.Left {
		st.Left[i] = d.count.left[i].Load()
	}
	if d.started.Load() && !d.call(func(o *owner) { st.Ring = o.ringStats() }) {
		st.Ring = d.last
	}
	return st
}

func (o *owner) ringStats() RingStats {
	st := RingStats{Status: o.engine.Status(), Counts: o.engine.Counts(), Monitors: o.monitors.refused}
	if o.ring != nil {
		st.Transport = o.ring.Stats()
		st.Transport.Add(&o.past)
	}
	if o.sealer != nil {
		st.Keys = o.sealer.Status()
		st.Sealed, st.Seal = o.sealer.Counts()
	}
	return st
}
