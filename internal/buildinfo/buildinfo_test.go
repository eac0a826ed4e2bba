package buildinfo

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// TestLine: a release has the version, the commit and the day that its linker was given, any other
// build what is known of it.
func TestLine(t *testing.T) {
	if line := Line(); !regexp.MustCompile(`^\S.* \(commit [0-9a-f]{12}|unknown, [-0-9]{10}|unknown, go\S+, \w+/\w+\)$`).MatchString(line) {
		t.Errorf("this test is %q", line)
	}
	const pkg = "github.com/spreadd/spreadd/internal/buildinfo"
	bin := filepath.Join(t.TempDir(), "spmonitor")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", bin,
		"-ldflags", "-X "+pkg+".version=1.2.3 -X "+pkg+".commit=0123456789abcdef -X "+pkg+".date=2026-11-30", "../../cmd/spmonitor")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		t.Fatal(err)
	}
	got, err := exec.CommandContext(t.Context(), bin, "-version").Output()
	if want := regexp.MustCompile(`^spmonitor 1\.2\.3 \(commit 0123456789ab, 2026-11-30, go\S+, \w+/\w+\)\n$`); err != nil || !want.Match(got) {
		t.Errorf("%q, %v", got, err)
	}
}
