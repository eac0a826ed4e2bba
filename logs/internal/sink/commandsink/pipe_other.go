//go:build !linux

package commandsink

import "os"

// waiting returns nothing: only Linux says what a pipe holds, so what is written counts as read.
func waiting(*os.File) int { return 0 }

// otherEnd returns nothing.
func otherEnd(*os.File) *os.File { return nil }

// hasReader is not known, and without waiting makes no difference.
func hasReader(*os.File) bool { return true }
