package logmon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/spreadd/spreadd/logs/internal/traffic"
	"github.com/spreadd/spreadd/spread"
)

// DefaultAddress is that of the daemon on this host.
const DefaultAddress = "4803"

// DefaultQueueBytes holds a second of a hundred thousand lines.
const DefaultQueueBytes = 32 << 20

// maxGroups bounds the groups that are joined.
const maxGroups = 500

// Config says what to look at. Zero values of all but Groups mean the defaults.
type Config struct {
	// Addresses are those of daemons, in libspread's form ([spread.ParseAddress]). The first one that
	// can be reached is used; default 4803.
	Addresses []string
	// Groups are joined: 1 to 500.
	Groups []string
	// Traffic says how much is remembered.
	Traffic traffic.Config
	// QueueBytes bounds what waits to be counted; further messages are dropped, so that
	// publishers never wait for us.
	QueueBytes int
	// Log is for what an operator wants to know; nil discards it.
	Log *slog.Logger
	// Dial opens a session; nil means spread.Dial.
	Dial func(ctx context.Context, address, name string) (Session, error)
}

// Session is what a monitor wants of a session; *spread.Conn is one.
type Session interface {
	Join(ctx context.Context, group string) error
	Receive(ctx context.Context) (spread.Event, error)
	// Ready reports whether Receive would return at once.
	Ready() bool
	PrivateGroup() string
	Close() error
	// Kill closes at once, without a word to the daemon.
	Kill()
}

// dial opens a real session.
func dial(ctx context.Context, address, name string) (Session, error) {
	c, err := spread.Dial(ctx, address, spread.WithName(name), spread.WithMembership(true))
	if err != nil {
		return nil, err
	}
	return c, nil
}

// withDefaults fills in defaults, and says what is wrong.
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
		return c, errors.New("no group to look at")
	case n > maxGroups:
		return c, fmt.Errorf("%d groups, at most %d can be looked at", n, maxGroups)
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
	if c.Dial == nil {
		c.Dial = dial
	}
	return c, nil
}

// Back-off between attempts to connect.
const (
	backoffFirst = 50 * time.Millisecond
	backoffLast  = 5 * time.Second
)
