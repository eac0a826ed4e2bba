//go:build !unix

package session

import "github.com/spreadd/spreadd/internal/buf"

// waiter is not available on this system: an idle session holds its block.
type waiter struct{}

func (*waiter) init(*Session) bool { return false }

func (*waiter) read(*buf.Block, int) (block *buf.Block, at, n int, err error) {
	panic("session: this system has no waiter")
}
