package main

import (
	"os"
	"runtime/debug"
)

// heapBeyond is what the process uses at most beyond the bound of its messages, before it collects
// garbage more often. A process has 128 MB beyond that bound with all groups that there may be; the rest
// is for what the runtime does not count.
const heapBeyond = 96 << 20

// boundHeap has the garbage collector keep the process within the bound of its messages and some more:
// by itself it lets garbage grow as large as all that is in use, such as a million groups. GOMEMLIMIT
// in the environment has precedence.
func boundHeap(maxMemory int64) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(maxMemory + heapBeyond)
	}
}
