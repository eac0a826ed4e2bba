package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/testkit"
)

// TestIdleFiles: many files that nobody writes cost next to nothing. With a poll ten times a second and
// a buffer for each it was 22 % of a processor and 190 MB. The bounds are loose, since machines differ.
func TestIdleFiles(t *testing.T) {
	const (
		files   = 1500
		seconds = 5
	)
	_, address := serveDaemon(t)
	dir := t.TempDir()
	state := filepath.Join(dir, "state")
	var text strings.Builder
	fmt.Fprintf(&text, "daemon = %q\ngroups = [\"g\"]\nstate = %q\n", address, state)
	for i := range files {
		path := filepath.Join(dir, fmt.Sprint(i, ".log"))
		writeFile(t, path, "a line\n")
		fmt.Fprintf(&text, "[[input]]\nfile = %q\n", path)
	}
	config := filepath.Join(dir, "logpub.toml")
	writeFile(t, config, text.String())
	p := start(t, "-c", config)
	testkit.Wait(t, "the positions", func() bool {
		positions, err := filepath.Glob(filepath.Join(state, "*.pos"))
		return err == nil && len(positions) == files
	})
	proc := fmt.Sprintf("/proc/%d/", p.Process.Pid)
	field := func(file string, n int) int {
		t.Helper()
		b, err := os.ReadFile(proc + file)
		if err != nil {
			t.Fatal(err)
		}
		_, after, _ := strings.Cut(string(b), ") ") // of the name, in stat
		if after == "" {
			after = string(b)
		}
		v, err := strconv.Atoi(strings.Fields(after)[n])
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	ticks := func() int { return field("stat", 11) + field("stat", 12) }
	before := ticks()
	time.Sleep(seconds * time.Second) //house:sleep the processor time of a while is measured
	if percent := float64(ticks()-before) / seconds; percent > 10 {
		t.Errorf("%d idle files take %.1f %% of a processor", files, percent)
	}
	if mib := (field("statm", 1) - field("statm", 2)) * os.Getpagesize() >> 20; mib > 60 && !testkit.Race {
		t.Errorf("%d idle files take %d MiB", files, mib)
	}
	p.end(t)
}
