package sink

import (
	"os"
)

// dirMode is that of directories that are made, less the umask.
const dirMode = 0o755

// makeDirs makes dir and what is missing above it, up to base, which has to be
// there.
func makeDirs(base, dir string) error {
	if _, err := os.Stat(base); err != nil {
		return err
	}
	return os.MkdirAll(dir, dirMode)
}
