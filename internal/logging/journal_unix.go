//go:build unix

package logging

import (
	"fmt"
	"os"
	"syscall"
)

// isJournal reports whether systemd has connected a file to journald: JOURNAL_STREAM names its device
// and inode.
func isJournal(f *os.File) bool {
	stream := os.Getenv("JOURNAL_STREAM")
	if stream == "" {
		return false
	}
	info, err := f.Stat()
	if err != nil {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && stream == fmt.Sprintf("%d:%d", st.Dev, st.Ino)
}
