package archive

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// killedDir makes the test binary the process that is killed.
const killedDir = "SPREADD_ARCHIVE_KILLED_DIR"

// TestKilledProcess is that process: it compresses what there is.
func TestKilledProcess(t *testing.T) {
	dir := os.Getenv(killedDir)
	if dir == "" {
		return // it is started by TestKilled
	}
	a := newArchiver(t, Config{Compress: Gzip}, filepath.Join(dir, "log-%Y"))
	a.Period("9999 ")
	a.scanAll(t.Context())
}

// TestKilled kills a process at random moments while it compresses, and looks each time whether
// every line is in one complete file.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	const files = 4
	var want [files]string
	path := func(i int) string { return filepath.Join(dir, fmt.Sprintf("log-%d", 2000+i)) }
	r := rand.New(rand.NewPCG(3, uint64(time.Now().UnixNano())))
	run := func(kill time.Duration) {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledProcess$")
		cmd.Env = append(os.Environ(), killedDir+"="+dir, "GORACE=atexit_sleep_ms=0")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if kill > 0 {
			defer time.AfterFunc(kill, func() { _ = cmd.Process.Kill() }).Stop()
		}
		_ = cmd.Wait() // killed or not
	}
	began := time.Now()
	run(0)
	whole := time.Since(began) // what an idle run takes
	fresh := [files]string{}
	interrupted := 0
	for round := range 10 {
		// Late lines make a plain file beside the compressed one, but only where the plain one is
		// gone.
		for i := range files {
			if !exists(path(i)) {
				fresh[i] = lines(uint64(round), 4000)
				want[i] += fresh[i]
				write(t, path(i), fresh[i])
			}
		}
		run(whole/2 + time.Duration(r.Int64N(int64(2*whole))))
		for i := range files {
			plain, err := os.ReadFile(path(i))
			packed := ""
			if exists(path(i) + ".gz") {
				packed = content(t, path(i)+".gz", Gzip)
			}
			switch {
			case err != nil && packed != want[i]:
				t.Fatalf("round %d: file %d is compressed, and has %d bytes of %d", round, i, len(packed), len(want[i]))
			case err == nil && string(plain) != fresh[i]:
				t.Fatalf("round %d: the plain file %d has changed", round, i)
			case err == nil && packed != want[i] && packed+fresh[i] != want[i]:
				t.Fatalf("round %d: file %d has %d bytes compressed and %d plain of %d", round, i, len(packed), len(plain), len(want[i]))
			case err == nil:
				interrupted++
			}
		}
	}
	if interrupted == 0 {
		t.Log("no run was interrupted in the middle")
	}
	run(0)
	for i := range files {
		if exists(path(i)) || content(t, path(i)+".gz", Gzip) != want[i] {
			t.Errorf("file %d is not complete in the end", i)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) != 0 {
		t.Errorf("left are %v, %v", left, err)
	}
}
