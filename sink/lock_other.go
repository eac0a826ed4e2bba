//go:build !unix || aix || solaris

package sink

import "os"

// flock does nothing: the system has no such locks.
func flock(*os.File) error { return nil }
