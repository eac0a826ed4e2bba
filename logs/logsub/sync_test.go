//go:build unix

package logsub

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestSync: it is heard of when the disk refuses. Pipes cannot be synced, and
// stand for such a disk.
func TestSync(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
	r, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close() //nolint:errcheck // it is only read
	bubble(t, Config{SyncInterval: 3 * time.Second}, []Log{{Group: "a", File: path}, {Group: "b", File: "b.log"}}, func(f *farm) {
		f.send("one\n", "a", "b")
		if strings.Contains(f.log.String(), "syncing") {
			f.Error("synced at once")
		}
		<-time.After(3*time.Second + time.Millisecond)
		synctest.Wait()
		f.wantLog("syncing " + path)
		f.want("b.log", "one\n")
	})
}
