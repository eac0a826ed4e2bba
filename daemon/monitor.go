package daemon

import (
	"log/slog"
	"net/netip"
	"time"

	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/wire"
)

// obeyMonitors answers and obeys monitors (monitor-protocol). Their datagrams have passed the
// checks that all datagrams pass; the protocol has no other authentication. Commands that change
// something therefore need DangerousMonitor.
func (o *owner) obeyMonitors() {
	for i := range o.out.Controls {
		c := &o.out.Controls[i]
		switch {
		case c.Type&wire.PacketStatus != 0:
			o.report(c)
		case c.Type&wire.PacketReload != 0:
			o.log.Info("monitor requested a reload", slog.String("from", c.From.String()))
			if o.cfg.OnReload != nil {
				o.cfg.OnReload()
			}
		case !o.cfg.DangerousMonitor:
			o.log.Warn("monitor command refused; set DangerousMonitor to allow it",
				slog.String("from", c.From.String()), slog.Uint64("type", uint64(c.Type)))
		case c.Type&wire.PacketPartition != 0:
			o.partition(c)
		case c.Type&wire.PacketFlowControl != 0:
			o.flowControl(c)
		}
	}
}

// report sends a status report to the address that the request names.
func (o *owner) report(c *engine.Control) {
	top := o.cfg.Engine.Topology
	monitor := top.Daemon(c.Packet.Proc)
	if monitor == nil {
		return
	}
	st := o.status()
	to := netip.AddrPortFrom(monitor.Addr, uint16(c.Packet.Seq))
	if err := o.ring.SendTo(to, st.Append(nil)); err != nil {
		o.log.Debug("cannot send status report", slog.String("to", to.String()), slog.Any("error", err))
	}
}

// status returns what a monitor shows of this daemon.
func (o *owner) status() wire.Status {
	st := o.engine.Status()
	r := &st.Ring
	s := wire.Status{
		Seconds: int32(time.Since(o.start) / time.Second),
		State:   int32(st.Membership), GroupState: int32(st.Groups),
		PacketsSent: int32(r.PacketsSent), PacketsReceived: int32(r.PacketsReceived), PacketsDelivered: int32(r.PacketsDelivered),
		Retrans: int32(r.Retrans), RetransDaemon: int32(r.RetransDaemon), RetransSegment: int32(r.RetransSegment), RetransAll: int32(r.RetransAll),
		Aru: r.Aru, MyAru: r.MyAru, HighestSeq: r.Highest, TokenHurries: int32(r.TokenHurries), TokenRounds: r.TokenRounds,
		Self: o.cfg.Engine.Self, Leader: r.Leader,
		MessagesDelivered: int32(st.Messages + o.rejects), MembershipChanges: int16(r.MembershipChanges),
		Daemons: int16(r.NumProcs), Segments: int16(r.NumSegments),
		Window: int16(r.Window), PersonalWindow: int16(r.PersonalWindow), AcceleratedWindow: int16(r.AcceleratedWindow),
		Sessions: int16(len(o.clients)), Groups: int16(st.NumGroups),
		MajorVersion: int16(wire.OurVersion.Major), MinorVersion: int16(wire.OurVersion.Minor), PatchVersion: int16(wire.OurVersion.Patch),
	}
	if r.Accelerated {
		s.Accelerated = 1
	}
	return s
}

// partition cuts daemons off from each other, or stops this one.
func (o *owner) partition(c *engine.Control) {
	top := o.cfg.Engine.Topology
	components, err := c.Packet.PartitionMap(len(top.Daemons()))
	if err == nil && components[top.Rank(o.cfg.Engine.Self)] == wire.KillComponent {
		o.log.Warn("monitor stopped this daemon", slog.String("from", c.From.String()))
		o.killed = true
		return
	}
	if err == nil {
		err = o.engine.Partition(o.moment(), components)
	}
	if err != nil {
		o.log.Warn("monitor requested an invalid partition", slog.String("from", c.From.String()), slog.Any("error", err))
		return
	}
	o.log.Warn("monitor partitioned the daemons for one minute",
		slog.String("from", c.From.String()), slog.Any("components", components))
}

// flowControl changes the windows of the ring.
func (o *owner) flowControl(c *engine.Control) {
	top := o.cfg.Engine.Topology
	w, err := c.Packet.FlowControl(top.Rank(o.cfg.Engine.Self), len(top.Daemons()))
	if err == nil {
		err = o.engine.SetWindows(int(w.Window), int(w.Personal), int(w.Accelerated))
	}
	if err != nil {
		o.log.Warn("monitor requested invalid windows", slog.String("from", c.From.String()), slog.Any("error", err))
		return
	}
	o.log.Info("monitor changed the windows", slog.String("from", c.From.String()),
		slog.Int("window", int(w.Window)), slog.Int("personal", int(w.Personal)), slog.Int("accelerated", int(w.Accelerated)))
}
