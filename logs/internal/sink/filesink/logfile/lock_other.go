//go:build !unix || aix || solaris

package logfile

import "os"

// Lock does nothing: the system has no such locks.
func Lock(*os.File) error { return nil }
