//go:build !linux

package poller

// descriptors is empty on this system: the readers of sockets call Wake.
type descriptors struct{}

func (descriptors) open() (way, error) { return newChannel(), nil }
