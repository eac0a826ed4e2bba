//go:build unix

package fsutil

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// stubborn is a disk whose files keep their modes.
type stubborn struct{ OS }

type stubbornFile struct{ OSFile }

var errStubborn = errors.New("no modes here")

func (d stubborn) OpenFile(path string, flag int, perm fs.FileMode, devices bool) (File, error) {
	f, err := OpenFile(path, flag, perm, devices)
	return stubbornFile{OSFile{f}}, err
}

func (stubbornFile) Chmod(fs.FileMode) error { return errStubborn }

// TestRefusedPermissions: a file that cannot get its access is not left behind, because the next attempt
// would take it for one that has it. A file that was there stays.
func TestRefusedPermissions(t *testing.T) {
	disk, err := Permissions{FileMode: 0o640}.With(stubborn{})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "log")
	for range 2 {
		if _, err := disk.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o666, false); !errors.Is(err, errStubborn) {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file stays: %v", err)
	}
	if err := os.WriteFile(path, []byte("lines"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := disk.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o666, false); !errors.Is(err, errStubborn) {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}
