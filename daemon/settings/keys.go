package settings

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"runtime"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/internal/seal"
)

// forbidden are the permissions that a file of keys must not have: whoever has the keys may command
// the ring, and whoever writes the file chooses them.
const forbidden = fs.FileMode(0o027)

// LoadKeys reads a file of ring keys. It refuses one that others than the owner can write, or
// others than the owner and the group can read.
func LoadKeys(ctx context.Context, path string) (*seal.Keyring, error) {
	text, err := fsutil.ReadFile(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the ring keys: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the ring keys: %w", err)
	}
	if mode := info.Mode().Perm(); mode&forbidden != 0 && runtime.GOOS != "windows" { // Windows has no such modes.
		return nil, fmt.Errorf("cannot use the ring keys of %s: its mode is %04o, so others can read or write them; chmod 0600, or 0640 for the group that spreadd runs as, and make new keys if somebody may have read them", path, mode)
	}
	keys, _, err := seal.Parse(path, text)
	return keys, err
}
