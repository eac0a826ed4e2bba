//go:build !unix

package fsutil

import "io/fs"

// These are not needed where files in directories cannot be FIFOs, and links need privileges.
const (
	nonblock = 0
	nofollow = 0
)

func isForeign(fs.FileInfo) bool { return false }

func ownTarget(path string) (string, error) { return path, nil }
