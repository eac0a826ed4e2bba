//go:build unix

package input

import (
	"os"
	"syscall"
)

// pipes make pipes as standard input may be one: most processes get one that blocks.
var pipes = map[string]func() (r, w *os.File, err error){
	"polled": os.Pipe,
	"blocking": func() (r, w *os.File, err error) {
		var fds [2]int
		if err := syscall.Pipe(fds[:]); err != nil {
			return nil, nil, err
		}
		return os.NewFile(uintptr(fds[0]), "r"), os.NewFile(uintptr(fds[1]), "w"), nil
	},
}
