//go:build !unix

package logging

import (
	"os"
	"testing"
)

// streamOf skips the test: there is no journald.
func streamOf(t *testing.T, _ *os.File) string {
	t.Helper()
	t.Skip("journald runs on Linux only")
	return ""
}
