//go:build !unix

package cli

import (
	"os"
	"syscall"
)

// reopenSignals returns those that ask for the files to be opened anew.
func reopenSignals() []os.Signal { return []os.Signal{syscall.SIGHUP} }
