package harness

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/spreadd/spreadd/"

// Set builds programs of this module, each once. It is safe for concurrent use.
type Set struct {
	mu    sync.Mutex
	dir   string
	built map[string]bool
}

// Build builds programs as they are shipped, without cgo, and returns their directory. A name is
// that of a directory in cmd, or the path of one elsewhere in the module.
func (s *Set) Build(t testing.TB, programs ...string) (dir string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dir == "" {
		dir, err := os.MkdirTemp("", "spreadd-programs-") //nolint:usetesting // it outlives the test
		if err == nil {
			err = os.Chmod(dir, 0o755) //nolint:gosec // web servers start logpub as users of their own
		}
		if err != nil {
			t.Fatal(err)
		}
		s.dir, s.built = dir, make(map[string]bool)
	}
	args := []string{"build", "-o", s.dir + string(filepath.Separator)}
	for _, p := range programs {
		if !s.built[p] {
			if !strings.Contains(p, "/") {
				p = path.Join("cmd", p)
			}
			args = append(args, module+p)
		}
	}
	if len(args) > 3 {
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("cannot build %v: %v\n%s", programs, err, out)
		}
	}
	for _, p := range programs {
		s.built[p] = true
	}
	return s.dir
}

// Remove removes the programs. Call it in TestMain, after the tests.
func (s *Set) Remove() { _ = os.RemoveAll(s.dir) }
