//go:build unix

package cli

import (
	"os"
	"syscall"
)

// ignored are the signals that must not end us.
func ignored() []os.Signal {
	return []os.Signal{syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2}
}
