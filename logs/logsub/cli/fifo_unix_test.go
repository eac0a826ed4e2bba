//go:build unix

package cli

import (
	"bytes"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestFIFOConfiguration: a FIFO as the configuration is an error at once.
func TestFIFOConfiguration(t *testing.T) {
	for _, name := range []string{"logsub.toml", "spreadlogd.conf"} {
		path := filepath.Join(t.TempDir(), name)
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
		var stdout, stderr bytes.Buffer
		if status := run(t.Context(), nil, []string{"-c", path}, &stdout, &stderr); status != 1 || !strings.Contains(stderr.String(), path+": not a regular file") {
			t.Errorf("%s: status %d, %s", name, status, &stderr)
		}
	}
}

// TestEndlessConfiguration: a configuration without an end is an error.
func TestEndlessConfiguration(t *testing.T) {
	for _, flag := range []string{"-c", "-convert"} {
		var stdout, stderr bytes.Buffer
		if status := run(t.Context(), nil, []string{flag, "/dev/zero"}, &stdout, &stderr); status != 1 || !strings.Contains(stderr.String(), "/dev/zero: it has more than") {
			t.Errorf("%s: status %d, %s", flag, status, &stderr)
		}
	}
}
