//go:build !linux

package bench

import (
	"context"
	"errors"
	"net"
)

// Enter returns a [Config].Dial that fails: namespaces are Linux's.
func Enter([]int) func(ctx context.Context, daemon int, network, address string) (net.Conn, error) {
	return func(context.Context, int, string, string) (net.Conn, error) {
		return nil, errors.New("network namespaces exist only on Linux")
	}
}
