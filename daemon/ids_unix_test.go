//go:build unix

package daemon

import (
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestIDsForeign: links and FIFOs in the file's place are left alone; the daemon starts.
func TestIDsForeign(t *testing.T) {
	for name, put := range map[string]func(target, path string) error{
		"symlink": os.Symlink,
		"link":    os.Link,
		"FIFO":    func(_, path string) error { return syscall.Mkfifo(path, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := idConfig(t.TempDir())
			target := filepath.Join(cfg.StateDir, "precious")
			if err := os.WriteFile(target, []byte("1"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := put(target, filepath.Join(cfg.StateDir, "spread-4803-7f000001.ids")); err != nil {
				t.Fatal(err)
			}
			ids, last := openIDs(&cfg, slog.New(slog.DiscardHandler))
			defer func() { _ = ids.close() }()
			ids.keep(last+1, slog.New(slog.DiscardHandler))
			if b, err := os.ReadFile(target); err != nil || string(b) != "1" {
				t.Errorf("the other file holds %q, %v", b, err)
			}
			if last < 1<<30 {
				t.Errorf("ids after %d", last)
			}
		})
	}
}
