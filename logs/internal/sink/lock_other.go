//go:build !unix || aix || solaris

package sink

import "os"

// Lock does nothing: the system has no such locks.
func Lock(*os.File) error { return nil }
