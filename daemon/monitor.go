package daemon

import (
	"log/slog"
	"net/netip"
	"time"

	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// Bounds on what monitors may ask for. Each datagram of a monitor costs the daemon work, and most of
// them a line in the log.
const (
	// monitorSecond is the time for which the bounds hold.
	monitorSecond = time.Second
	// maxCommands bounds the commands other than reloads. A monitor sends each twice.
	maxCommands = 10
	// maxReports bounds the status reports.
	maxReports = 1000
	// monitorLogInterval is the least time between two lines about refused requests.
	monitorLogInterval = 10 * time.Second
)

//go:generate go tool -modfile=../.ci/tools/go.mod stringer -type=MonitorRefusal -linecomment

// MonitorRefusal says why a request of a monitor was refused.
type MonitorRefusal uint8

// The reasons.
const (
	// NotAllowed: a command that needs DangerousMonitor.
	NotAllowed MonitorRefusal = iota // not_allowed
	// Invalid: a command with values out of range.
	Invalid // invalid
	// TooOften: too many requests in a second.
	TooOften // too_often
	// Forbidden: the rules do not allow requests from the address.
	Forbidden // forbidden
)

// NumMonitorRefusals is the number of values of [MonitorRefusal].
const NumMonitorRefusals = int(Forbidden) + 1

// monitors is what the owner remembers of the requests of monitors.
type monitors struct {
	// since is the beginning of the second in which commands and reports are counted.
	since             time.Time
	commands, reports int
	// reloaded is the time of the last reload that a monitor has requested, and logged that of the last
	// line about refused requests. copied reports that a copy of the last reload has arrived.
	reloaded, logged time.Time
	copied           bool
	// refused counts the refused requests, and unlogged those since the last line.
	refused  [NumMonitorRefusals]int64
	unlogged int64
	// asked is when a status request of each daemon came last.
	asked map[wire.DaemonID]time.Time
}

// take counts a request in the present second, and reports whether it is within a bound.
func (m *monitors) take(now time.Time, count *int, most int) bool {
	if now.Sub(m.since) >= monitorSecond {
		m.since, m.commands, m.reports = now, 0, 0
	}
	*count++
	return *count <= most
}

// note notes a status request of a daemon.
func (m *monitors) note(top *topology.Topology, from wire.DaemonID, now time.Time) {
	if top.Daemon(from) == nil {
		return
	}
	if m.asked == nil || len(m.asked) >= 2*topology.MaxDaemons {
		m.asked = make(map[wire.DaemonID]time.Time)
	}
	m.asked[from] = now
}

// askCame reports whether a request of a daemon came lately, or may still come because this daemon has
// just started.
func (m *monitors) askCame(from wire.DaemonID, start, now time.Time) bool {
	since := m.asked[from]
	if since.Before(start) {
		since = start
	}
	return now.Sub(since) < askedLately
}

// refuse counts a refused request, and logs it if no other was logged lately.
func (o *owner) refuse(c *engine.Control, why MonitorRefusal, err error) {
	m := &o.monitors
	m.refused[why]++
	m.unlogged++
	now := time.Now()
	if !m.logged.IsZero() && now.Sub(m.logged) < monitorLogInterval {
		return
	}
	attrs := []any{
		slog.String("reason", why.String()), slog.String("from", c.From.String()), slog.Uint64("type", uint64(c.Type)),
		slog.Int64("requests", m.unlogged),
	}
	if err != nil {
		attrs = append(attrs, slog.Any("error", err))
	}
	m.logged, m.unlogged = now, 0
	o.log.Warn("monitor request refused; set DangerousMonitor to allow partitions, windows and stops", attrs...)
}

// obeyMonitors answers and obeys monitors (monitor-protocol). Their datagrams have passed the
// checks that all datagrams pass; the protocol has no other authentication. Commands that change
// something therefore need DangerousMonitor.
func (o *owner) obeyMonitors() {
	for i := range o.out.Controls {
		o.obey(&o.out.Controls[i], time.Now())
	}
}

// obey answers one request, or carries it out.
func (o *owner) obey(c *engine.Control, now time.Time) {
	m := &o.monitors
	switch {
	case !o.mayMonitor(c.From):
		o.refuse(c, Forbidden, nil)
	case c.Type&wire.PacketStatus != 0:
		m.note(o.cfg.Engine.Topology, c.Packet.Proc, now)
		if !m.take(now, &m.reports, maxReports) {
			o.refuse(c, TooOften, nil)
			return
		}
		o.report(c)
	case c.Type&wire.PacketReload != 0:
		if !m.reloaded.IsZero() && now.Sub(m.reloaded) < monitorSecond {
			if m.copied { // A monitor sends its command twice.
				o.refuse(c, TooOften, nil)
			}
			m.copied = true
			return
		}
		m.reloaded, m.copied = now, false
		o.log.Info("monitor requested a reload", slog.String("from", c.From.String()))
		if o.cfg.OnReload != nil {
			o.cfg.OnReload()
		}
	case !o.cfg.DangerousMonitor:
		o.refuse(c, NotAllowed, nil)
	case !m.take(now, &m.commands, maxCommands):
		o.refuse(c, TooOften, nil)
	case c.Type&wire.PacketPartition != 0:
		o.partition(c)
	case c.Type&wire.PacketFlowControl != 0:
		o.flowControl(c)
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
	answer := st.Append(nil)
	var r wire.SummaryRequest
	if r.Decode(&c.Packet) == nil {
		answer = o.summary(&st, &r).Append(nil, (wire.PacketHeaderLen+len(c.Packet.Body))*len(answer)/wire.PacketHeaderLen)
	}
	if len(answer) == 0 {
		return // The request is too short for what it asks for.
	}
	to := netip.AddrPortFrom(monitor.Addr, uint16(c.Packet.Seq))
	if err := o.ring.SendTo(to, answer); err != nil {
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
		o.refuse(c, Invalid, err)
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
		o.refuse(c, Invalid, err)
		return
	}
	o.log.Info("monitor changed the windows", slog.String("from", c.From.String()),
		slog.Int("window", int(w.Window)), slog.Int("personal", int(w.Personal)), slog.Int("accelerated", int(w.Accelerated)))
}
