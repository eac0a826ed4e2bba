//go:build unix

package tlsconf_test

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/spreadd/spreadd/internal/tlsconf/tlstest"
)

// TestFIFO: a FIFO that takes the place of a file holds up no handshake. It is reported, and what was
// read before stays in use.
func TestFIFO(t *testing.T) {
	files := tlstest.NewAuthority(t, t.TempDir()).Sign(t, "alpha")
	for _, path := range []string{files.Certificate, files.Key, files.CA} {
		reports := make(chan string, 1)
		server, err := files.Server(func(err error) { reports <- err.Error() })
		if err != nil {
			t.Fatal(err)
		}
		kept := path + ".kept"
		if err := os.Rename(path, kept); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := server.GetConfigForClient(nil)
		if err != nil || len(cfg.Certificates) != 1 {
			t.Errorf("%s: %v", path, err)
		}
		if got, want := <-reports, path+": not a regular file"; !strings.Contains(got, want) {
			t.Errorf("reports %s, want %s", got, want)
		}
		if err := os.Rename(kept, path); err != nil {
			t.Fatal(err)
		}
	}
}
