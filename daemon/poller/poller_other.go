//go:build !linux

package poller

// descriptors are none: whoever reads them calls Wake.
type descriptors struct{}

func (descriptors) open() (way, error) { return newChannel(), nil }
