package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/spreadd/spreadd/spread"
)

// MinSize is the length in bytes of the shortest payload, which has room for what
// is checked.
const MinSize = stampLen

const maxClients = 1000

// Config says what to measure. The zero value of a field is its default.
type Config struct {
	// Daemons are the addresses of the daemons, as spread.Dial has them.
	Daemons []string
	// Publishers and Receivers are how many there are at each daemon: 1 by
	// default, none if negative.
	Publishers, Receivers int
	// Size is that of the payload in bytes, 200 by default.
	Size int
	// Vary has payloads of different lengths: Size less or more up to this share of it, all equally
	// often. It is 0 to 1; 0 has them all alike.
	Vary float64
	// Service is that of the messages, spread.Agreed by default.
	Service spread.Service
	// Rate is how many messages each publisher sends in a second; 0 is as many as all
	// receivers take.
	Rate float64
	// Window is how many messages of a publisher without a rate may be under way to the slowest
	// receiver: 200 by default. With many publishers, MaxSessionMessages of spread.conf
	// has to be above the sum of their windows, or daemons drop receivers.
	Window int
	// Warmup is how long messages flow before anything is counted: a second by
	// default, none if negative.
	Warmup time.Duration
	// For is the time that is measured, 5 seconds by default.
	For time.Duration
	// Patience is for how long to wait for the first view, and for the last messages:
	// 30 seconds by default.
	Patience time.Duration
	// Group is the group's name, "spbench" by default.
	Group string
	// Processes are the daemons' process ids. They may be fewer than the daemons, or
	// those of others.
	Processes []int
	// Dial connects to the daemon of this index in Daemons; nil dials as package net does.
	Dial func(ctx context.Context, daemon int, network, address string) (net.Conn, error)
}

func (c Config) withDefaults() (Config, error) {
	c.Publishers = max(0, cmp.Or(c.Publishers, 1))
	c.Receivers = max(0, cmp.Or(c.Receivers, 1))
	c.Size = cmp.Or(c.Size, 200)
	c.Service = cmp.Or(c.Service, spread.Agreed)
	c.Window = cmp.Or(c.Window, 200)
	c.Warmup = max(0, cmp.Or(c.Warmup, time.Second))
	c.For = cmp.Or(c.For, 5*time.Second)
	c.Patience = cmp.Or(c.Patience, 30*time.Second)
	c.Group = cmp.Or(c.Group, "spbench")
	if c.Dial == nil {
		d := new(net.Dialer)
		c.Dial = func(ctx context.Context, _ int, network, address string) (net.Conn, error) {
			return d.DialContext(ctx, network, address)
		}
	}
	n := len(c.Daemons)
	switch {
	case n == 0:
		return c, errors.New("no daemons")
	case c.Receivers == 0:
		return c, errors.New("no receivers, so there is nothing to measure")
	case n*c.Publishers > maxClients || n*c.Receivers > maxClients:
		return c, fmt.Errorf("%d publishers and %d receivers at %d daemons: want at most %d of each in all", c.Publishers, c.Receivers, n, maxClients)
	case c.Size < MinSize || c.Size > spread.MaxPayload(1):
		return c, fmt.Errorf("a size of %d bytes: want %d to %d", c.Size, MinSize, spread.MaxPayload(1))
	case !(c.Vary >= 0 && c.Vary <= 1):
		return c, fmt.Errorf("sizes that vary by %v of their mean: want 0 to 1", c.Vary)
	case !(c.Rate >= 0 && c.Rate <= 1e7):
		return c, fmt.Errorf("a rate of %v messages a second: want 0 to 10000000", c.Rate)
	case c.Window < 0:
		return c, fmt.Errorf("a window of %d messages: want more than 0", c.Window)
	case c.For < 0:
		return c, fmt.Errorf("a time of %v to measure: want more than 0", c.For)
	}
	return c, spread.CheckGroup(c.Group)
}

func (c *Config) sizes() (least, most int) {
	d := int(c.Vary * float64(c.Size))
	return max(MinSize, c.Size-d), min(spread.MaxPayload(1), c.Size+d)
}

// ordered reports whether all receivers see messages of the service in one order.
func ordered(s spread.Service) bool { return s&^spread.SelfDiscard > spread.Reliable }
