package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// realtimePriority is the lowest of the real-time priorities, which is above all normal processes.
const realtimePriority = 1

// makeRealtime gives all threads of this process a real-time priority (SCHED_RR). Threads that start
// later inherit it.
func makeRealtime() error {
	done := make(map[int]bool)
	for {
		list, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return fmt.Errorf("cannot list the threads of this process for -realtime: %w", err)
		}
		before := len(done)
		for _, e := range list {
			id, err := strconv.Atoi(e.Name())
			if err != nil || done[id] {
				continue
			}
			err = unix.SchedSetAttr(id, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Priority: realtimePriority}, 0)
			if err != nil && !errors.Is(err, syscall.ESRCH) { // the thread has ended
				return fmt.Errorf("cannot set a real-time priority: %w; allow it with LimitRTPRIO=1 in the unit, "+
					"with ulimit -r 1 or with CAP_SYS_NICE, or leave out -realtime", err)
			}
			done[id] = true
		}
		if len(done) == before { // none started meanwhile
			return nil
		}
	}
}
