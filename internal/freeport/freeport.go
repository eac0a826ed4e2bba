package freeport

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
)

const (
	attempts = 200   // bounds how many blocks are looked at
	lowest   = 12000 // where the blocks begin
	blocks   = 4500  // how many there are, up to port 29999

	// A block is the lock, the port, the one above it for tokens (ring-protocol
	// §1), and one that nobody uses.
	block = 4
)

// Find returns a port that is free on all of this host's addresses for clients (TCP), for data
// (UDP) and, one above, for tokens. No other call, in whatever process, returns it or a neighbour
// of it until ctx is done.
func Find(ctx context.Context) (int, error) {
	var last error
	for range attempts {
		lock := lowest + block*rand.IntN(blocks)
		err := reserve(ctx, lock)
		if err == nil {
			return lock + 1, nil
		}
		last = err
	}
	return 0, fmt.Errorf("no free port among %d, the last: %w", attempts, last)
}

// reserve locks a block and reports why it cannot be used.
func reserve(ctx context.Context, lock int) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp4", fmt.Sprintf("127.0.0.1:%d", lock))
	if err != nil {
		return err
	}
	if err := probe(ctx, lock+1); err != nil {
		return errors.Join(err, l.Close())
	}
	context.AfterFunc(ctx, func() { _ = l.Close() })
	return nil
}

// probe reports whether a daemon could use a port.
func probe(ctx context.Context, port int) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", fmt.Sprintf(":%d", port))
	if err != nil {
		return err
	}
	if err := l.Close(); err != nil {
		return err
	}
	for _, p := range []int{port, port + 1} {
		c, err := lc.ListenPacket(ctx, "udp", fmt.Sprintf(":%d", p))
		if err != nil {
			return err
		}
		if err := c.Close(); err != nil {
			return err
		}
	}
	return nil
}
