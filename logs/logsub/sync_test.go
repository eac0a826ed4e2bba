//go:build unix

package logsub

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestSync: the log says when the disk refuses to sync. Pipes cannot be synced, and stand for such a
// disk.
func TestSync(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close() //nolint:errcheck // nobody reads it
	defer w.Close() //nolint:errcheck // it is only a name
	path := fmt.Sprintf("/dev/fd/%d", w.Fd())
	if _, err := os.Stat(path); err != nil {
		t.Skip(err)
	}
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
