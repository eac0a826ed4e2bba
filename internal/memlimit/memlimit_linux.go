package memlimit

import (
	"math"
	"os"
	"path"
	"strconv"
	"strings"
)

// Limit returns how much memory this process may use, in bytes, or 0 if that is not known.
func Limit() int64 { return limit("/") }

// limit is Limit with the files below root.
func limit(root string) int64 {
	least := int64(math.MaxInt64)
	for _, line := range lines(path.Join(root, "proc/meminfo")) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "MemTotal:" && f[2] == "kB" {
			if n, err := strconv.ParseInt(f[1], 10, 64); err == nil && n < math.MaxInt64>>10 {
				least = min(least, n<<10)
			}
		}
	}
	for _, line := range lines(path.Join(root, "proc/self/cgroup")) {
		id, rest, _ := strings.Cut(line, ":")
		controllers, group, _ := strings.Cut(rest, ":")
		switch {
		case id == "0" && controllers == "":
			least = min(least, ofGroup(path.Join(root, "sys/fs/cgroup"), group, "memory.max"))
		case controllers == "memory":
			least = min(least, ofGroup(path.Join(root, "sys/fs/cgroup/memory"), group, "memory.limit_in_bytes"))
		}
	}
	if least == math.MaxInt64 {
		return 0
	}
	return least
}

// ofGroup returns the least limit of a group and those that it is in. A container may see its own
// group as the root.
func ofGroup(mount, group, file string) int64 {
	least := int64(math.MaxInt64)
	for group = path.Join("/", group); ; group = path.Dir(group) {
		for _, line := range lines(path.Join(mount, group, file)) {
			if n, err := strconv.ParseInt(line, 10, 64); err == nil && n > 0 { // otherwise it is "max"
				least = min(least, n)
			}
		}
		if group == "/" {
			return least
		}
	}
}

func lines(file string) []string {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil // Not every system has every file.
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}
