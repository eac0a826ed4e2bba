package bench

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// userHertz is the unit of times in /proc, which is the same on all architectures that Go
// has (proc(5)).
const userHertz = 100

// usages returns what processes have used so far.
func usages(pids []int) ([]Process, error) {
	all := make([]Process, len(pids))
	for i, pid := range pids {
		var err error
		if all[i], err = usageOf(pid); err != nil {
			return nil, fmt.Errorf("process %d: %w", pid, err)
		}
	}
	return all, nil
}

func usageOf(pid int) (u Process, err error) {
	u.PID = pid
	path := fmt.Sprintf("/proc/%d/stat", pid)
	b, err := os.ReadFile(path)
	if err != nil {
		return u, err
	}
	// The second field is the name, in parentheses, with anything in it.
	const utime, stime, rss = 14, 15, 24
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	number := func(field int) int64 {
		if field-3 >= len(fields) {
			err = fmt.Errorf("%s has %d fields, want %d and more", path, len(fields)+2, field)
			return 0
		}
		n, nerr := strconv.ParseInt(string(fields[field-3]), 10, 64)
		if nerr != nil {
			err = fmt.Errorf("%s: %w", path, nerr)
		}
		return n
	}
	u.CPU = time.Duration(number(utime)+number(stime)) * (time.Second / userHertz)
	u.Memory = number(rss) * int64(os.Getpagesize())
	return u, err
}
