package daemon

import (
	"log/slog"
	"net/netip"

	"github.com/spreadd/spreadd/daemon/access"
	"github.com/spreadd/spreadd/daemon/session"
	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/wire"
)

// rightsOf returns what a client may do by the rules in force.
func (o *owner) rightsOf(s *session.Session) *access.Rights {
	return o.cfg.Sessions.Auth.Rules.Of(s.Credentials().Client())
}

// newRules replaces the rules. They hold for the clients that are connected, too: these stay in their
// groups, and join and send only what the new rules allow.
func (o *owner) newRules(rules access.Rules) {
	o.cfg.Sessions.Auth.Rules = rules
	for _, c := range o.clients {
		c.rights, c.forbidden = o.rightsOf(c.Session), false
	}
}

// permit decides whether a client may send a message. Everybody may leave groups, disconnect, and send
// to themselves, which is how logpub learns that the ring has ordered its lines. Lines with the name of a
// publisher are known by their envelope, because log hosts take that name for true and cannot see the
// client's identity.
func (o *owner) permit(id engine.SessionID, message []byte) engine.Reason {
	c := o.clients[id]
	if c == nil || c.rights == nil {
		return engine.Accepted
	}
	t := wire.TypeOf(message)
	if t&(wire.Leave|wire.Kill) != 0 {
		return engine.Accepted
	}
	fields := wire.GroupsOf(message)
	var publisher []byte
	claims := false
	if t&wire.Join == 0 && c.rights.Limited() {
		publisher, claims = envelope.Publisher(message[wire.HeaderLen+len(fields):])
	}
	for len(fields) >= wire.NameLen {
		name := (*wire.Name)(fields).Clean()
		fields = fields[wire.NameLen:]
		switch group := name.Bytes(); {
		case t&wire.Join != 0 && !c.rights.Join(group):
			c.warnForbidden("client may not join the group; its joins are rejected", group)
			return engine.JoinForbidden
		case t&wire.Join == 0 && name != c.Group() && !c.rights.Send(group):
			c.warnForbidden("client may not send to the group; its messages are rejected", group)
			return engine.SendForbidden
		case claims && name != c.Group() && !c.rights.Publish(group, publisher):
			c.warnForbidden("client may not send lines of this publisher to the group; they are rejected", group, slog.String("publisher", string(publisher)))
			return engine.PublisherForbidden
		}
	}
	return engine.Accepted
}

// warnForbidden logs, once for each session, that a client asked for more than it may do.
func (c *client) warnForbidden(msg string, group []byte, more ...any) {
	if c.forbidden {
		return
	}
	c.forbidden = true
	p := c.Credentials()
	c.Warn(msg, append(more, slog.String("group", string(group)), slog.String("identity", p.Identity), slog.String("user", p.User))...)
}

// mayMonitor reports whether requests of monitors from an address are answered and obeyed. Hosts of the
// ring ask each other.
func (o *owner) mayMonitor(from netip.Addr) bool {
	from = from.Unmap().WithZone("")
	for _, d := range o.cfg.Engine.Topology.Daemons() {
		if d.Addr.WithZone("") == from {
			return true
		}
	}
	return o.cfg.Sessions.Auth.Rules.Of(access.Client{Addr: from}).Monitor()
}
