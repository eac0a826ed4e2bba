//go:build !linux

package main

import "errors"

// makeRealtime is for Linux alone.
func makeRealtime() error {
	return errors.New("-realtime works on Linux only: leave it out, and give the process a priority with the tools of this system")
}
