package fsutil

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
)

// Permissions says who may use what an [FS] makes. Zero values leave it to the umask and to the group of the
// process or of the directory.
type Permissions struct {
	FileMode, DirMode fs.FileMode
	Group             string
}

// Check reports modes that would lock out their owner.
func (a *Permissions) Check() error {
	switch {
	case a.FileMode != 0 && (a.FileMode&0o600 != 0o600 || a.FileMode > 0o777):
		return fmt.Errorf("%04o is no mode of files: the owner must read and write them, as with 0640", uint32(a.FileMode))
	case a.DirMode != 0 && (a.DirMode&0o700 != 0o700 || a.DirMode > 0o777):
		return fmt.Errorf("%04o is no mode of directories: the owner must read, write and search them, as with 0750", uint32(a.DirMode))
	default:
		return nil
	}
}

// Or returns the access with what it leaves open taken from another one.
func (a Permissions) Or(other Permissions) Permissions {
	if a.FileMode == 0 {
		a.FileMode = other.FileMode
	}
	if a.DirMode == 0 {
		a.DirMode = other.DirMode
	}
	if a.Group == "" {
		a.Group = other.Group
	}
	return a
}

// GroupID looks up a group.
func GroupID(name string) (int, error) {
	g, err := user.LookupGroup(name)
	if errors.As(err, new(user.UnknownGroupError)) {
		return 0, fmt.Errorf("this host has no group %q", name)
	}
	if err != nil {
		return 0, fmt.Errorf("cannot look up group %q: %w", name, err)
	}
	id, err := strconv.Atoi(g.Gid)
	if err != nil {
		return 0, fmt.Errorf("group %q has the id %q, which is not a number", name, g.Gid)
	}
	return id, nil
}

// With returns a file system whose new files and directories have this access, whatever the umask. A
// file that exists keeps its own, unless it is emptied when it is opened. The error says that the group
// does not exist, or that this process may not give files to it.
func (a Permissions) With(disk FS) (FS, error) {
	if a == (Permissions{}) {
		return disk, nil
	}
	if runtime.GOOS == "windows" {
		return nil, errors.New("Windows has no modes and groups of files: remove file_mode, dir_mode and file_group") //nolint:staticcheck // a name
	}
	s := shared{FS: disk, access: a, gid: -1}
	if a.Group == "" {
		return s, nil
	}
	var err error
	if s.gid, err = GroupID(a.Group); err != nil {
		return nil, err
	}
	mine, err := os.Getgroups()
	if err == nil && os.Geteuid() != 0 && os.Getegid() != s.gid && !slices.Contains(mine, s.gid) {
		return nil, fmt.Errorf("cannot give files to group %s: this process is not in it; add its user to the group, or SupplementaryGroups=%s to its unit", a.Group, a.Group)
	}
	return s, nil
}

// shared is an [FS] with [Permissions].
type shared struct {
	FS
	access Permissions
	gid    int // -1 for none
}

// owned is an open file whose access can be changed.
type owned interface {
	Chmod(mode fs.FileMode) error
	Chown(uid, gid int) error
}

// OpenFile implements [FS].
func (s shared) OpenFile(path string, flag int, perm fs.FileMode, devices bool) (File, error) {
	made, fresh := false, false
	if flag&os.O_CREATE != 0 {
		_, err := s.Stat(path)
		made = errors.Is(err, fs.ErrNotExist)
		fresh = made || flag&os.O_TRUNC != 0
	}
	if fresh && s.access.FileMode != 0 {
		perm &= s.access.FileMode // nobody else opens it before it has its mode
	}
	f, err := s.FS.OpenFile(path, flag, perm, devices)
	if err != nil || !fresh {
		return f, err
	}
	if err := s.give(f, s.access.FileMode); err != nil {
		err = errors.Join(err, f.Close())
		if made { // Otherwise the next attempt would take it for a file that has its access.
			err = errors.Join(err, s.Remove(path))
		}
		return nil, err
	}
	return f, nil
}

// give sets the access of what was made. Devices keep theirs.
func (s shared) give(file any, mode fs.FileMode) error {
	f, ok := file.(owned)
	if !ok {
		return nil
	}
	if st, ok := file.(interface{ Stat() (fs.FileInfo, error) }); ok {
		if info, err := st.Stat(); err != nil || !info.Mode().IsRegular() && !info.IsDir() {
			return err
		}
	}
	if s.gid >= 0 {
		if err := f.Chown(-1, s.gid); err != nil {
			return err
		}
	}
	if mode != 0 {
		return f.Chmod(mode)
	}
	return nil
}

// MkdirAll implements [FS].
func (s shared) MkdirAll(dir string, perm fs.FileMode) error {
	parent := filepath.Dir(dir)
	if _, err := s.Stat(dir); err == nil || !errors.Is(err, fs.ErrNotExist) || parent == dir {
		return s.FS.MkdirAll(dir, perm)
	}
	if err := s.MkdirAll(parent, perm); err != nil {
		return err
	}
	if s.access.DirMode != 0 {
		perm &= s.access.DirMode
	}
	if err := s.FS.MkdirAll(dir, perm); err != nil {
		return err
	}
	f, err := os.OpenFile(dir, os.O_RDONLY|nofollow, 0) // the link of a stranger may have taken its place
	if err != nil {
		return err
	}
	return errors.Join(s.give(f, s.access.DirMode), f.Close())
}
