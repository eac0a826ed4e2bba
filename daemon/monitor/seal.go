package monitor

import (
	"crypto/rand"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/internal/seal"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

const (
	// resendFor is for how long a request is sent again once its daemon has accepted the monitor,
	// and maxResends how often: the first request comes before the daemon knows the monitor.
	resendFor  = 2 * time.Second
	maxResends = 3
)

// sealing seals the requests of a monitor and opens the answers. A daemon accepts a monitor once
// that has answered a challenge.
type sealing struct {
	mu    sync.Mutex
	node  *seal.Node
	start time.Time
	port  uint16
	last  map[wire.DaemonID]*pending
}

// pending is the last request to a daemon.
type pending struct {
	datagram []byte
	at       time.Time
	resends  int
}

func newSealing(cfg *Config, port uint16) (*sealing, error) {
	node, err := seal.NewNode(cfg.Self, seal.Monitor, cfg.Keys, rand.Reader)
	if err != nil {
		return nil, err
	}
	var segments []topology.Segment
	for _, d := range cfg.Daemons {
		for d.Segment >= len(segments) {
			segments = append(segments, topology.Segment{})
		}
		s := &segments[d.Segment]
		s.Daemons = append(s.Daemons, topology.Daemon{ID: d.ID, Name: d.Name, Addr: d.Addr.Addr()})
	}
	top, err := topology.New(segments)
	if err == nil {
		err = node.Configure(top, cfg.Hash)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot seal the requests of the monitor: %w", err)
	}
	return &sealing{node: node, start: time.Now(), port: port, last: make(map[wire.DaemonID]*pending)}, nil
}

func (s *sealing) now() clock.Time { return clock.Time(time.Since(s.start)) + 1 }

// seal returns what to send to a daemon for a request: a greeting and the request.
func (s *sealing) seal(to wire.DaemonID, datagram []byte) ([][]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.node.Greet(s.now(), to, s.port, 0)
	list := s.sends()
	sealed, err := s.node.SealRequest(nil, to, datagram)
	if err != nil {
		return nil, err
	}
	s.last[to] = &pending{datagram: slices.Clone(datagram), at: time.Now()}
	return append(list, sealed), nil
}

// greet returns a question for the state of a daemon's keys, with the wish that it uses a key
// unless that is 0.
func (s *sealing) greet(to wire.DaemonID, use seal.KeyID) [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.node.Greet(s.now(), to, s.port, use)
	return s.sends()
}

// sends returns the datagrams that the node wants to send.
func (s *sealing) sends() (list [][]byte) {
	for _, m := range s.node.Sends() {
		list = append(list, m.Bytes)
	}
	return list
}

// open opens a datagram of a daemon. It returns nil if that was not a report, and what to send to
// the daemon.
func (s *sealing) open(from netip.Addr, id wire.DaemonID, datagram []byte) (report []byte, replies [][]byte, r seal.Reason) {
	s.mu.Lock()
	defer s.mu.Unlock()
	report, r = s.node.Open(s.now(), from, seal.MonitorPort, datagram)
	if r == seal.Opened {
		return report, nil, r
	}
	if replies = s.sends(); len(replies) == 0 {
		return nil, nil, r
	}
	// The daemon has just been answered: now it accepts what came too early.
	if q := s.last[id]; q != nil && q.resends < maxResends && time.Since(q.at) < resendFor {
		q.resends++
		if sealed, err := s.node.SealRequest(nil, id, q.datagram); err == nil {
			replies = append(replies, sealed)
		}
	}
	return nil, replies, r
}

// Keys returns what is known of the keys of the daemons, by their places. It is nil for a monitor
// without keys.
func (c *Socket) Keys() []seal.PeerKeys {
	if c.sealing == nil {
		return nil
	}
	c.sealing.mu.Lock()
	defer c.sealing.mu.Unlock()
	return c.sealing.node.Peers()
}

// AskKeys asks the daemons at these places for the state of their keys, and to use a key unless
// that is 0. [Socket.Receive] receives the answers, and [Socket.Keys] returns them.
func (c *Socket) AskKeys(use seal.KeyID, daemons ...int) error {
	for _, i := range daemons {
		d := &c.daemons[i]
		for _, b := range c.sealing.greet(d.ID, use) {
			if _, err := c.conn.WriteToUDPAddrPort(b, d.Addr); err != nil {
				return fmt.Errorf("cannot send to daemon %s at %v: %w", d.Name, d.Addr, err)
			}
		}
	}
	return nil
}

// ReceiveUntil takes what arrives until a time, and returns os.ErrDeadlineExceeded then.
func (c *Socket) ReceiveUntil(end time.Time) error {
	if err := c.conn.SetReadDeadline(end); err != nil {
		return err
	}
	for {
		if _, err := c.Receive(); err != nil {
			return err
		}
	}
}

// open returns a report, nil if the datagram was none.
func (c *Socket) open(from netip.Addr, datagram []byte) []byte {
	if c.sealing == nil {
		return datagram
	}
	from = from.WithZone("")
	id, _ := seal.Sender(datagram)
	report, replies, _ := c.sealing.open(from, id, datagram)
	i := slices.IndexFunc(c.daemons, func(d Daemon) bool { return d.ID == id })
	for _, b := range replies {
		if i >= 0 {
			_, _ = c.conn.WriteToUDPAddrPort(b, c.daemons[i].Addr) // A lost reply: the daemon asks again.
		}
	}
	return report
}
