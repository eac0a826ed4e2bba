//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd || windows)

package fsutil

import "os"

// Lock does nothing: the system has no locks that end with their process.
func Lock(*os.File) error { return nil }
