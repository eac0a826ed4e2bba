package logsub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/logs/internal/logproto"
	"github.com/spreadd/spreadd/logs/internal/peer"
)

const (
	// lookupTime bounds the lookup of the name of a log host.
	lookupTime = 5 * time.Second
	// keptViews is how many views a healer remembers.
	keptViews = 1024
	// maxPeers bounds the list of other log hosts, which comes from messages.
	maxPeers = 256
	// maxInvitations bounds the invitations that wait for the writer, which come from other hosts.
	maxInvitations = 16
)

// healer serves log files to other log hosts, and finds these. It is the [peer.Handler].
type healer struct {
	s        *Subscriber
	ctx      context.Context // ends with Run
	cancel   context.CancelFunc
	logs     []*indexed
	listener net.Listener
	address  string // announced
	hello    logproto.Hello
	host     string // name and instance, which order log hosts

	// The fields below belong to the writer of files.

	owed    bool                   // lines were fetched and are not acknowledged
	last    map[*receiver]*healing // the last one that began, by connection
	members map[string][]string    // by group
	behind  time.Time              // since when lines have waited for a disk; zero if none do

	healings, lines, bytes atomic.Int64
	reordered              atomic.Int64
	failures               [numHealFailures]atomic.Int64
	server                 atomic.Pointer[peer.Server]
	running                sync.WaitGroup
	helloWait, holdFirst   time.Duration // see the constants

	mu      sync.Mutex
	changed chan struct{}       // closed and replaced whenever a field below changes
	allowed map[netip.Addr]bool // who may read
	peers   []known             // other log hosts, the latest last
	passed  []passed            // views whose lines are written, the latest last
	frozen  *healing            // the writer waits for it
	invited map[string]bool     // addresses of invitations that wait for the writer
}

// known is another log host.
type known struct {
	logproto.Hello
	member string // private group of its connection
}

// passed is a view that the writer has come to.
type passed struct {
	group, id string
	latest    map[string]time.Time // by name of the log
}

// openHealer listens, if the configuration says so. Otherwise it returns nil.
func openHealer(s *Subscriber) (*healer, error) {
	cfg := &s.cfg
	if cfg.Heal.Listen == "" {
		return nil, nil
	}
	logs, err := indexedLogs(cfg)
	if err != nil {
		return nil, err
	}
	if len(logs) == 0 {
		cfg.Log.Warn("heal.listen has no effect: no log has envelope = \"index\"")
		return nil, nil
	}
	h := &healer{s: s, logs: logs, helloWait: helloWait, holdFirst: holdFirst, allowed: make(map[netip.Addr]bool), invited: make(map[string]bool), last: make(map[*receiver]*healing), members: make(map[string][]string), changed: make(chan struct{})}
	if h.listener, err = cfg.HealListen(cfg.Heal.Listen); err != nil {
		return nil, fmt.Errorf("logsub: cannot serve log files to other log hosts: %w", err)
	}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	h.address = announced(&cfg.Heal, h.listener.Addr())
	h.hello = logproto.Hello{Host: cfg.Host, Instance: s.instance, Address: h.address}
	h.host = nameOfHost(&h.hello)
	return h, nil
}

func nameOfHost(h *logproto.Hello) string { return fmt.Sprintf("%s/%016x", h.Host, h.Instance) }

// announced is the address where others reach a listener.
func announced(h *Heal, at net.Addr) string {
	if h.Address != "" {
		return h.Address
	}
	_, port, err := net.SplitHostPort(at.String())
	host, _, herr := net.SplitHostPort(h.Listen)
	if err != nil || herr != nil {
		return at.String()
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		if host, err = os.Hostname(); err != nil {
			return at.String()
		}
	}
	return net.JoinHostPort(host, port)
}

// run serves until ctx ends.
func (h *healer) run(ctx context.Context) {
	server := peer.Serve(h.listener, peer.ServerConfig{Handler: h, Allow: h.allows, Rate: h.s.cfg.Heal.Rate})
	h.server.Store(server)
	h.s.cfg.Log.Info("serving log files to other log hosts", slog.String("address", h.listener.Addr().String()), slog.String("announced", h.address))
	for _, address := range h.s.cfg.Heal.Peers {
		h.allow(ctx, address)
	}
	<-ctx.Done()
	h.mu.Lock()
	h.cancel()
	h.mu.Unlock()
	_ = server.Close() // nothing is lost with it
	h.running.Wait()
}

// spawn runs a function in the background, unless the end has come.
func (h *healer) spawn(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ctx.Err() == nil {
		h.running.Go(f)
	}
}

// notify wakes whoever waits for a change. It needs h.mu.
func (h *healer) notify() {
	close(h.changed)
	h.changed = make(chan struct{})
}

// allow lets the host of an address read.
func (h *healer) allow(ctx context.Context, address string) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		h.s.cfg.Log.Warn("cannot find the address of a log host", slog.String("host", host), slog.Any("error", err))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, ip := range ips {
		h.allowed[ip.Unmap().WithZone("")] = true
	}
}

// allows reports whether an address may read: that of a known log host, or one of this host.
func (h *healer) allows(a net.Addr) bool {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return false
	}
	ip := ap.Addr().Unmap().WithZone("")
	h.mu.Lock()
	ok := h.allowed[ip]
	h.mu.Unlock()
	return ok || ip.IsLoopback() || isOwn(ip)
}

// isOwn reports whether an address is one of this host.
func isOwn(ip netip.Addr) bool {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok {
			if own, ok := netip.AddrFromSlice(n.IP); ok && own.Unmap() == ip {
				return true
			}
		}
	}
	return false
}

// meet notes a hello. It returns nil if that is of no use.
func (h *healer) meet(body []byte, sender string) *known {
	k := known{member: sender}
	if k.Decode(body) != nil || k.Instance == h.hello.Instance || k.Address == "" {
		return nil
	}
	h.mu.Lock()
	fresh := !slices.Contains(h.peers, k)
	h.peers = append(slices.DeleteFunc(h.peers, func(o known) bool { return o.Host == k.Host && o.Address == k.Address || o.member == sender }), k)
	if len(h.peers) > maxPeers {
		h.peers = slices.Delete(h.peers, 0, 1)
	}
	h.notify()
	h.mu.Unlock()
	if fresh {
		h.spawn(func() { h.allow(h.ctx, k.Address) })
	}
	return &k
}

// pass notes that the writer has written what came before a view. It belongs to the writer of files.
func (h *healer) pass(c *cut) {
	h.members[c.group] = c.members
	p := passed{c.group, c.id, h.latest()}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.passed = append(h.passed, p); len(h.passed) > keptViews {
		h.passed = slices.Delete(h.passed, 0, 1)
	}
	h.notify()
}

// latest returns the agreed times of the logs. It belongs to the writer of files.
func (h *healer) latest() map[string]time.Time {
	m := make(map[string]time.Time)
	for _, x := range h.logs {
		if r := h.route(x); r != nil {
			if at, ok := r.timer.Latest(); ok {
				m[x.served.Name] = at
			}
		}
	}
	return m
}

// route returns the route of a log; nil if it has several, which have times of their own.
func (h *healer) route(x *indexed) (found *route) {
	for _, r := range h.s.routes {
		if r.index == nil || r.name != x.template.String() {
			continue
		}
		if found != nil {
			return nil
		}
		found = r
	}
	return found
}

// Logs implements [peer.Handler].
func (h *healer) Logs() []peer.Served {
	list := make([]peer.Served, len(h.logs))
	for i, x := range h.logs {
		list[i] = x.served
	}
	return list
}

// busyWait is how long a question waits for a healing that has to end before it can be answered.
const busyWait = time.Second / 2

// errBusy answers a question that waits for a healing, which may wait for who asks.
var errBusy = errors.New("it is comparing its own files; ask again")

// Ready implements [peer.Handler].
func (h *healer) Ready(ctx context.Context, q *peer.Ready) ([]peer.Log, error) {
	busy := time.NewTicker(busyWait)
	defer busy.Stop()
	for {
		h.mu.Lock()
		changed := h.changed
		latest, ok := h.isReady(q)
		h.mu.Unlock()
		if ok {
			var logs []peer.Log
			for _, x := range h.logs {
				l := x.served.Log
				l.Latest = latest[l.Name]
				logs = append(logs, l)
			}
			return logs, nil
		}
		select {
		case <-changed:
		case <-busy.C:
			if h.crosses(q) {
				return nil, errBusy
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// crosses reports whether the writer waits for other log hosts at a point before one of the views, so
// that two log hosts may wait for each other. At a common view the order of their names decides.
func (h *healer) crosses(q *peer.Ready) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.frozen != nil && slices.ContainsFunc(q.Views, func(v peer.View) bool {
		return v.Member && h.hasGroup(v.Group) && h.passedAt(v) < 0 && !h.frozen.hasView(v.Group, v.ID)
	})
}

// passedAt returns where in h.passed a view is, before which everything is written, or -1. It needs
// h.mu.
func (h *healer) passedAt(v peer.View) int {
	return slices.IndexFunc(h.passed, func(p passed) bool { return p.group == v.Group && p.id == v.ID })
}

// isReady reports whether everything before the views is written, and the agreed times at that
// point. It needs h.mu.
func (h *healer) isReady(q *peer.Ready) (latest map[string]time.Time, ok bool) {
	if n := len(h.passed); n > 0 {
		latest = h.passed[n-1].latest
	}
	for _, v := range q.Views {
		if !v.Member || !h.hasGroup(v.Group) {
			continue
		}
		if i := h.passedAt(v); i >= 0 {
			latest = h.passed[i].latest
			continue
		}
		// Of two halves of a network that were merged, that of the lower name goes first.
		if h.frozen == nil || !h.frozen.hasView(v.Group, v.ID) || q.Host >= h.host {
			return nil, false
		}
		latest = h.frozen.latest
	}
	return latest, true
}

// acknowledge has the lines acknowledged that were fetched, once none of them waits for a disk. It
// belongs to the writer of files.
func (h *healer) acknowledge() {
	if !h.owed || !h.s.files.Settled() {
		return
	}
	h.owed = false
	for _, r := range h.s.receivers {
		r.acks.restore()
	}
}

// tend does what has waited for a disk, once nothing does. Then the files are compared with those of all
// log hosts again: what these fetched meanwhile lacked lines, which they may have received later, in
// another order. It belongs to the writer of files.
func (h *healer) tend() {
	h.acknowledge()
	if h.behind.IsZero() || !h.s.files.Settled() {
		return
	}
	for r, x := range h.last {
		if r.client.PrivateGroup() == x.own { // otherwise there is a new connection, and a new healing
			y := newHealing(h, r) // at no view: files are read as they are
			y.only, y.own, y.since = h.present(), x.own, h.behind
			y.begin()
			h.s.writers[0].putCut(&cut{heal: y})
		}
	}
	h.behind = time.Time{}
}

// present returns the other log hosts that are members of a group. It belongs to the writer of files.
func (h *healer) present() (list []known) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, k := range h.peers {
		for _, members := range h.members {
			if slices.Contains(members, k.member) {
				list = append(list, k)
				break
			}
		}
	}
	return list
}

func (h *healer) hasGroup(group string) bool {
	return slices.ContainsFunc(h.s.receivers, func(r *receiver) bool { return r.table.Load().has(group) })
}

// Invite implements [peer.Handler]. An invitation of an address that has one waiting adds nothing:
// the files are read when the writer comes to that.
func (h *healer) Invite(address string) {
	h.mu.Lock()
	refused := h.invited[address] || len(h.invited) >= maxInvitations
	if !refused {
		h.invited[address] = true
	}
	h.mu.Unlock()
	if refused {
		return
	}
	x := newHealing(h, nil)
	x.only, x.invited = []known{{Hello: logproto.Hello{Host: address, Address: address}}}, true
	x.begin()
	if !h.s.writers[0].putCut(&cut{heal: x}) {
		h.takeInvitation(address)
	}
}

// takeInvitation makes room for another invitation of an address.
func (h *healer) takeInvitation(address string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.invited, address)
}
