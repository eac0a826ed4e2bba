package poller

import (
	"math"
	"os"
	"slices"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// descriptors sleeps in ppoll(2).
type descriptors struct {
	mu    sync.Mutex // protects event, so that nobody writes to a closed descriptor
	event int        // the eventfd, or -1 after close

	// fds is the list for ppoll. The first element is the eventfd. The descriptor of an element
	// that is not watched is inverted, so that the kernel skips it.
	fds []unix.PollFd
}

func (s *descriptors) open() (way, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("eventfd", err)
	}
	s.event = fd
	s.fds = []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	return s, nil
}

func (s *descriptors) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.event < 0 {
		return nil
	}
	err := unix.Close(s.event)
	s.event = -1
	return os.NewSyscallError("close", err)
}

// Add watches a descriptor and returns its number in this poller.
func (s *descriptors) Add(fd int) (slot int) { return s.add(fd, unix.POLLIN) }

// AddErrors watches a descriptor for errors only.
func (s *descriptors) AddErrors(fd int) (slot int) { return s.add(fd, 0) }

func (s *descriptors) add(fd int, events int16) (slot int) {
	slot = slices.IndexFunc(s.fds, func(f unix.PollFd) bool { return f.Fd == gap })
	if slot < 0 {
		slot = len(s.fds)
		s.fds = append(s.fds, unix.PollFd{})
	}
	s.fds[slot] = unix.PollFd{Fd: int32(fd), Events: events}
	return slot
}

// Remove forgets a descriptor. Add may use its number again.
func (s *descriptors) Remove(slot int) { s.fds[slot] = unix.PollFd{Fd: gap} }

// gap replaces a descriptor that was removed.
const gap = math.MinInt32

// Watch says whether a descriptor ends Wait.
func (s *descriptors) Watch(slot int, on bool) {
	f := &s.fds[slot]
	if on != (f.Fd >= 0) {
		f.Fd = ^f.Fd
	}
	if !on {
		f.Revents = 0
	}
}

// Readable reports whether the last Wait found that a descriptor was readable or had an error.
func (s *descriptors) Readable(slot int) bool { return s.fds[slot].Revents != 0 }

func (s *descriptors) signal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.event < 0 {
		return
	}
	one := uint64(1)
	// It fails only if the counter is full, and then the owner is woken anyway. The call is raw
	// because it does not block.
	_, _, _ = unix.RawSyscall(unix.SYS_WRITE, uintptr(s.event), uintptr(unsafe.Pointer(&one)), 8)
}

// look polls without waiting, so the call is raw and Go's scheduler need not know of it.
func (s *descriptors) look() {
	var zero unix.Timespec
	for {
		_, _, errno := unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&s.fds[0])), uintptr(len(s.fds)), uintptr(unsafe.Pointer(&zero)), 0, 0, 0)
		if errno != unix.EINTR {
			s.settle(errno)
			return
		}
	}
}

func (s *descriptors) sleep(timeout time.Duration) {
	var ts *unix.Timespec
	if timeout > 0 {
		t := unix.NsecToTimespec(int64(timeout))
		ts = &t
	}
	_, _, errno := unix.Syscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&s.fds[0])), uintptr(len(s.fds)), uintptr(unsafe.Pointer(ts)), 0, 0, 0)
	s.settle(errno) // A signal may end the wait early.
}

// settle processes the result of a poll. If the poll failed, for lack of memory or because of a
// signal, each descriptor may be readable. settle also resets the eventfd.
func (s *descriptors) settle(errno unix.Errno) {
	if errno != 0 {
		for i := range s.fds[1:] {
			if f := &s.fds[i+1]; f.Fd >= 0 {
				f.Revents = unix.POLLIN | unix.POLLERR
			}
		}
	}
	if s.fds[0].Revents != 0 || errno != 0 {
		var n uint64
		_, _, _ = unix.RawSyscall(unix.SYS_READ, uintptr(s.fds[0].Fd), uintptr(unsafe.Pointer(&n)), 8)
		s.fds[0].Revents = 0
	}
}
