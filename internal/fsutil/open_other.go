//go:build !unix

package fsutil

// nonblock is not needed where files in directories cannot be FIFOs.
const nonblock = 0
