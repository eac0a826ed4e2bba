package logmon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/spreadd/spreadd/internal/tlsconf"
	"github.com/spreadd/spreadd/logs/internal/traffic"
	"github.com/spreadd/spreadd/spread"
)

// DefaultAddress is the address of the daemon on this host.
const DefaultAddress = "4803"

// DefaultQueueBytes holds the lines of one second at 100,000 lines per second.
const DefaultQueueBytes = 32 << 20

// maxGroups bounds the number of groups.
const maxGroups = 500

// Config says what to watch. Zero values of all fields but Groups mean the defaults.
type Config struct {
	// Addresses are those of daemons ([spread.ParseAddress]), in the order in which they are tried.
	// The default is 4803.
	Addresses []string
	// Groups are the groups to join: 1 to 500.
	Groups []string
	// Traffic bounds what is remembered.
	Traffic traffic.Config
	// QueueBytes bounds the messages that wait to be counted. Further messages are dropped, so that
	// publishers never wait for the monitor.
	QueueBytes int
	// Log gets connects and disconnects; nil discards them.
	Log *slog.Logger
	// TLS has the files for connections over TCP that use TLS; none for clear text.
	TLS tlsconf.Client
	// DaemonUsers are users that a daemon of this host may run as ([spread.WithSocketUsers]).
	DaemonUsers []string
	// Dial opens a connection, in tests; nil means spread.Dial ([spread.WithConnect]).
	Dial func(ctx context.Context, address, name string) (spread.Connection, error)
}

// withDefaults checks the configuration and fills in defaults.
func (c Config) withDefaults() (Config, error) {
	if len(c.Addresses) == 0 {
		c.Addresses = []string{DefaultAddress}
	}
	for _, a := range c.Addresses {
		if _, err := spread.ParseAddress(a); err != nil {
			return c, fmt.Errorf("daemon %q: %w", a, err)
		}
	}
	switch n := len(c.Groups); {
	case n == 0:
		return c, errors.New("no group to watch")
	case n > maxGroups:
		return c, fmt.Errorf("%d groups: want at most %d", n, maxGroups)
	}
	for _, g := range c.Groups {
		if err := spread.CheckGroup(g); err != nil {
			return c, fmt.Errorf("group %q: %w", g, err)
		}
	}
	c.Groups = slices.Clone(c.Groups)
	slices.Sort(c.Groups)
	c.Groups = slices.Compact(c.Groups)
	if c.QueueBytes == 0 {
		c.QueueBytes = DefaultQueueBytes
	}
	if c.QueueBytes < 0 {
		return c, fmt.Errorf("queue of %d bytes: want more than 0", c.QueueBytes)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}
