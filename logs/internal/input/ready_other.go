//go:build !unix

package input

import "io"

// readiness returns nil: whether a Read would block cannot be known here.
func readiness(io.Reader) func() { return nil }
