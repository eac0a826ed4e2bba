//go:build !unix

package input

import "os"

// pipes has no pipes here: a Read cannot be ended, and is left behind.
var pipes = map[string]func() (r, w *os.File, err error){}
