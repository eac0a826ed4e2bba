//go:build !linux

package input

import "os"

// growPipe returns how large a pipe is taken to be, or 0 if f is no pipe. Other systems do not
// let it grow.
func growPipe(f *os.File, _ int) int {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		return 0
	}
	return 16 << 10
}
