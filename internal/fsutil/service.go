package fsutil

import (
	"os"
	"strings"
)

// ServiceDir returns the first directory that systemd has made for this service and names in an
// environment variable, such as STATE_DIRECTORY, or an empty string.
func ServiceDir(variable string) string {
	dir, _, _ := strings.Cut(os.Getenv(variable), ":")
	return dir
}
