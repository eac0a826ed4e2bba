//go:build !linux

package tail

import "sync/atomic"

// notifier does nothing: inotify is only in Linux, and what other systems have needs an open file for
// each in a directory.
type notifier struct{}

func (*notifier) watch(*waiting, string) (bool, error) { return false, nil }

func (*notifier) forget(_ *waiting, followers *atomic.Int64) { followers.Add(-1) }
