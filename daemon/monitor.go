package daemon

import (
	"log/slog"
	"net/netip"
	"time"

	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/wire"
)

// controls answers and obeys monitors (monitor-protocol). What they say has passed
// the checks of all datagrams, which is all the authority that the protocol
// knows; so what changes anything needs DangerousMonitor.
func (d *Daemon) controls() {
	for i := range d.out.Controls {
		c := &d.out.Controls[i]
		switch {
		case c.Type&wire.PacketStatus != 0:
			d.report(c)
		case c.Type&wire.PacketReload != 0:
			d.log.Info("a monitor asks for the configuration to be read again", slog.String("from", c.From.String()))
			if d.cfg.OnReload != nil {
				d.cfg.OnReload()
			}
		case !d.cfg.DangerousMonitor:
			d.log.Warn("a command of a monitor is refused; DangerousMonitor would allow it",
				slog.String("from", c.From.String()), slog.Uint64("type", uint64(c.Type)))
		case c.Type&wire.PacketPartition != 0:
			d.partition(c)
		case c.Type&wire.PacketFlowControl != 0:
			d.flowControl(c)
		}
	}
}

// report sends a status report to whom the request says it comes from.
func (d *Daemon) report(c *engine.Control) {
	top := d.cfg.Engine.Topology
	monitor := top.Daemon(c.Packet.Proc)
	if monitor == nil {
		return
	}
	st := d.status()
	to := netip.AddrPortFrom(monitor.Addr, uint16(c.Packet.Seq))
	if err := d.ring.SendTo(to, st.Append(nil)); err != nil {
		d.log.Debug("a status report cannot be sent", slog.String("to", to.String()), slog.Any("error", err))
	}
}

// status is what a monitor shows of this daemon.
func (d *Daemon) status() wire.Status {
	st := d.engine.Status()
	r := &st.Ring
	s := wire.Status{
		Seconds: int32(time.Since(d.start) / time.Second),
		State:   int32(st.Membership), GroupState: int32(st.Groups),
		PacketsSent: int32(r.PacketsSent), PacketsReceived: int32(r.PacketsReceived), PacketsDelivered: int32(r.PacketsDelivered),
		Retrans: int32(r.Retrans), RetransDaemon: int32(r.RetransDaemon), RetransSegment: int32(r.RetransSegment), RetransAll: int32(r.RetransAll),
		Aru: r.Aru, MyAru: r.MyAru, HighestSeq: r.Highest, TokenHurries: int32(r.TokenHurries), TokenRounds: r.TokenRounds,
		Self: d.cfg.Engine.Self, Leader: r.Leader,
		MessagesDelivered: int32(d.count.deliveries.Load()), MembershipChanges: int16(r.MembershipChanges),
		Daemons: int16(r.NumProcs), Segments: int16(r.NumSegments),
		Window: int16(r.Window), PersonalWindow: int16(r.PersonalWindow), AcceleratedWindow: int16(r.AcceleratedWindow),
		Sessions: int16(len(d.clients)), Groups: int16(st.NumGroups),
		MajorVersion: int16(wire.OurVersion.Major), MinorVersion: int16(wire.OurVersion.Minor), PatchVersion: int16(wire.OurVersion.Patch),
	}
	if r.Accelerated {
		s.Accelerated = 1
	}
	return s
}

// partition cuts daemons off from each other, or ends this one.
func (d *Daemon) partition(c *engine.Control) {
	top := d.cfg.Engine.Topology
	components, err := c.Packet.PartitionMap(len(top.Daemons()))
	if err == nil && components[top.Rank(d.cfg.Engine.Self)] == wire.KillComponent {
		d.log.Warn("a monitor ends this daemon", slog.String("from", c.From.String()))
		d.killed = true
		return
	}
	if err == nil {
		err = d.engine.Partition(d.moment(), components)
	}
	if err != nil {
		d.log.Warn("a monitor asks for a partition that is not possible", slog.String("from", c.From.String()), slog.Any("error", err))
		return
	}
	d.log.Warn("a monitor partitions the daemons; it lasts for a minute unless repeated",
		slog.String("from", c.From.String()), slog.Any("components", components))
}

// flowControl changes the windows.
func (d *Daemon) flowControl(c *engine.Control) {
	top := d.cfg.Engine.Topology
	w, err := c.Packet.FlowControl(top.Rank(d.cfg.Engine.Self), len(top.Daemons()))
	if err == nil {
		err = d.engine.SetWindows(int(w.Window), int(w.Personal), int(w.Accelerated))
	}
	if err != nil {
		d.log.Warn("a monitor asks for windows that are not possible", slog.String("from", c.From.String()), slog.Any("error", err))
		return
	}
	d.log.Info("a monitor sets the windows", slog.String("from", c.From.String()),
		slog.Int("window", int(w.Window)), slog.Int("personal", int(w.Personal)), slog.Int("accelerated", int(w.Accelerated)))
}
