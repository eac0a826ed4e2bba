package hangfs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// Mounted is a mounted file system.
type Mounted struct {
	Dir string // where it is mounted

	fd      int
	stopped chan struct{}
	gate    sync.Mutex // held while the file system hangs, and by serve while it reads a request
	hanging atomic.Bool

	// The goroutine of serve owns the rest.

	paths map[uint64]string // of nodes, whose numbers are those of inodes, but for the root
	files []*os.File
}

// Mount mounts a file system for the time of a test.
func Mount(t testing.TB) *Mounted {
	t.Helper()
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skip("no FUSE:", err)
	}
	m := &Mounted{Dir: t.TempDir(), fd: fd, stopped: make(chan struct{}), paths: map[uint64]string{1: t.TempDir()}}
	options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=%d,group_id=%d", fd, os.Getuid(), os.Getgid())
	if err := unix.Mount("hangfs", m.Dir, "fuse", unix.MS_NOSUID|unix.MS_NODEV, options); err != nil {
		_ = unix.Close(fd)
		t.Skip("FUSE cannot be mounted:", err)
	}
	go m.serve()
	t.Cleanup(func() {
		m.Resume()
		if err := unix.Unmount(m.Dir, unix.MNT_FORCE|unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
		<-m.stopped
	})
	if err := m.first(); err != nil {
		t.Fatal(err)
	}
	return m
}

// first tells the kernel what there is not: flushes, for whose answers processes wait at their end, and polls,
// for whose answers package os waits without letting other goroutines run.
func (m *Mounted) first() error {
	path := filepath.Join(m.Dir, "first")
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	_, err = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
	return errors.Join(err, unix.Close(fd), unix.Unlink(path))
}

// Hang keeps all further requests waiting, until Resume.
func (m *Mounted) Hang() {
	m.gate.Lock()
	m.hanging.Store(true)
}

// Resume answers requests again. It does nothing if the file system does not hang.
func (m *Mounted) Resume() {
	if m.hanging.Swap(false) {
		m.gate.Unlock()
	}
}

// Opcodes of the protocol of FUSE, and the lengths of its headers.
const (
	opLookUp     = 1
	opForget     = 2
	opGetAttr    = 3
	opSetAttr    = 4
	opMkdir      = 9
	opUnlink     = 10
	opRmdir      = 11
	opRename     = 12
	opOpen       = 14
	opRead       = 15
	opWrite      = 16
	opRelease    = 18
	opFsync      = 20
	opInit       = 26
	opOpenDir    = 27
	opReadDir    = 28
	opReleaseDir = 29
	opFsyncDir   = 30
	opCreate     = 35
	opInterrupt  = 36
	opForgetMany = 42
	opRename2    = 45

	inHeader = 40
	maxWrite = 128 << 10
)

// serve answers requests until the file system is unmounted. While it hangs it does not read them,
// because the kernel lets a process end whose request was not read yet.
func (m *Mounted) serve() {
	defer close(m.stopped)
	defer func() { _ = unix.Close(m.fd) }()
	buf := make([]byte, maxWrite+4096)
	for {
		poll := []unix.PollFd{{Fd: int32(m.fd), Events: unix.POLLIN}}
		if _, err := unix.Poll(poll, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
		m.gate.Lock()
		n, err := unix.Read(m.fd, buf)
		m.gate.Unlock()
		switch {
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.ENOENT): // ended before it was read
			continue
		case err != nil:
			return
		}
		m.answer(buf[:n])
	}
}

// answer answers a request.
func (m *Mounted) answer(in []byte) {
	op, id, node := binary.NativeEndian.Uint32(in[4:]), in[8:16], binary.NativeEndian.Uint64(in[16:])
	if op == opForget || op == opForgetMany || op == opInterrupt {
		return
	}
	out, err := m.do(op, node, in[inHeader:])
	code := int32(0)
	if err != nil {
		errno := unix.EIO
		_ = errors.As(err, &errno)
		code, out = -int32(errno), nil
	}
	header := binary.NativeEndian.AppendUint32(nil, uint32(16+len(out)))
	header = binary.NativeEndian.AppendUint32(header, uint32(code))
	_, _ = unix.Write(m.fd, append(append(header, id...), out...))
}

// do does what is asked for.
func (m *Mounted) do(op uint32, node uint64, b []byte) ([]byte, error) {
	u32 := func(at int) uint32 { return binary.NativeEndian.Uint32(b[at:]) }
	u64 := func(at int) uint64 { return binary.NativeEndian.Uint64(b[at:]) }
	name := func(at int) string { return filepath.Join(m.paths[node], cString(b[at:])) }
	switch op {
	case opInit:
		out := make([]byte, 64)
		for i, v := range []uint32{7, 31, 0, 0, 0, maxWrite, 1} {
			binary.NativeEndian.PutUint32(out[4*i:], v)
		}
		return out, nil
	case opLookUp:
		return m.entry(name(0))
	case opGetAttr:
		return attributes(m.paths[node], true)
	case opSetAttr:
		if u32(0)&8 != 0 {
			if err := os.Truncate(m.paths[node], int64(u64(16))); err != nil {
				return nil, err
			}
		}
		return attributes(m.paths[node], true)
	case opOpen, opOpenDir:
		return m.open(m.paths[node], int(u32(0))&^unix.O_DIRECTORY, 0)
	case opCreate:
		file, err := m.open(name(16), int(u32(0))|os.O_CREATE, os.FileMode(u32(4))&0o777)
		if err != nil {
			return nil, err
		}
		entry, err := m.entry(name(16))
		return append(entry, file...), err
	case opRead:
		data := make([]byte, u32(16))
		n, err := unix.Pread(int(m.files[u64(0)].Fd()), data, int64(u64(8)))
		return data[:max(n, 0)], err
	case opWrite:
		n, err := unix.Pwrite(int(m.files[u64(0)].Fd()), b[40:40+u32(16)], int64(u64(8)))
		return binary.NativeEndian.AppendUint64(nil, uint64(max(n, 0))), err
	case opReadDir:
		return list(m.files[u64(0)].Name(), u64(8))
	case opRelease, opReleaseDir:
		return nil, m.files[u64(0)].Close()
	case opMkdir:
		if err := os.Mkdir(name(8), os.FileMode(u32(0))&0o777); err != nil {
			return nil, err
		}
		return m.entry(name(8))
	case opUnlink, opRmdir:
		return nil, os.Remove(name(0))
	case opRename, opRename2:
		names := b[8*(1+op/opRename2):]
		to := filepath.Join(m.paths[u64(0)], cString(names[len(cString(names))+1:]))
		if err := os.Rename(filepath.Join(m.paths[node], cString(names)), to); err != nil {
			return nil, err
		}
		_, err := m.entry(to)
		return nil, err
	case opFsync, opFsyncDir:
		return nil, nil
	default: // also FLUSH and POLL
		return nil, unix.ENOSYS
	}
}

// cString returns the string that ends with a zero.
func cString(b []byte) string {
	s, _, _ := strings.Cut(string(b), "\x00")
	return s
}

// open opens a file, and returns its number among the files. The kernel is not to cache it.
func (m *Mounted) open(path string, flag int, perm os.FileMode) ([]byte, error) {
	f, err := os.OpenFile(path, flag&^(os.O_APPEND|unix.O_NONBLOCK), perm)
	if err != nil {
		return nil, err
	}
	m.files = append(m.files, f)
	out := binary.NativeEndian.AppendUint64(nil, uint64(len(m.files)-1))
	return binary.NativeEndian.AppendUint64(out, 1), nil
}

// entry returns a struct fuse_entry_out: the number of a node, and its attributes.
func (m *Mounted) entry(path string) ([]byte, error) {
	a, err := attributes(path, false)
	if err != nil {
		return nil, err
	}
	ino := binary.NativeEndian.Uint64(a)
	m.paths[ino] = path
	out := make([]byte, 40, 40+len(a))
	binary.NativeEndian.PutUint64(out, ino)
	return append(out, a...), nil
}

// attributes returns a struct fuse_attr, and in front of it that of fuse_attr_out, if it is to be whole.
// They are valid for no time.
func attributes(path string, whole bool) ([]byte, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return nil, err
	}
	var b []byte
	if whole {
		b = make([]byte, 16)
	}
	for _, v := range []uint64{
		st.Ino, uint64(st.Size), uint64(st.Blocks),
		uint64(st.Atim.Sec), uint64(st.Mtim.Sec), uint64(st.Ctim.Sec),
	} {
		b = binary.NativeEndian.AppendUint64(b, v)
	}
	for _, v := range []uint32{
		uint32(st.Atim.Nsec), uint32(st.Mtim.Nsec), uint32(st.Ctim.Nsec),
		st.Mode, uint32(st.Nlink), st.Uid, st.Gid, uint32(st.Rdev), 4096, 0,
	} {
		b = binary.NativeEndian.AppendUint32(b, v)
	}
	return b, nil
}

// list returns a directory's entries behind the first skip ones, as struct fuse_dirent.
func list(dir string, skip uint64) (b []byte, err error) {
	entries, err := os.ReadDir(dir)
	for i := skip; i < uint64(len(entries)) && len(b) < 2048; i++ {
		name := entries[i].Name()
		b = binary.NativeEndian.AppendUint64(b, 1)
		b = binary.NativeEndian.AppendUint64(b, i+1)
		b = binary.NativeEndian.AppendUint32(b, uint32(len(name)))
		b = binary.NativeEndian.AppendUint32(b, 0)
		b = append(b, name...)
		b = append(b, make([]byte, -len(b)&7)...)
	}
	return b, err
}
