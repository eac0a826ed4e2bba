package memlimit

import (
	"os"
	"path/filepath"
	"testing"
)

func TestLimit(t *testing.T) {
	const meminfo = "MemTotal:       16000000 kB\nMemFree:         1 kB\n"
	for _, tt := range []struct {
		what  string
		files map[string]string
		want  int64
	}{
		{"nothing", nil, 0},
		{"a machine", map[string]string{"proc/meminfo": meminfo}, 16000000 << 10},
		{"no limit", map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "max\n",
		}, 16000000 << 10},
		{"version 2", map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "536870912\n",
		}, 512 << 20},
		{"a group above", map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b\n",
			"sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/memory.max": "1048576\n",
		}, 1 << 20},
		{"the root of a container", map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/docker/1\n", "sys/fs/cgroup/memory.max": "1048576\n",
		}, 1 << 20},
		{"version 1", map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "3:cpu:/x\n2:memory:/a\n0::/\n",
			"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "1048576\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
		}, 1 << 20},
		{"garbage", map[string]string{"proc/meminfo": "MemTotal: x kB\n", "proc/self/cgroup": "0:\n:::\n"}, 0},
	} {
		root := t.TempDir()
		for name, text := range tt.files {
			file := filepath.Join(root, name)
			if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := limit(root); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.what, got, tt.want)
		}
	}
	if Limit() <= 0 {
		t.Error("nothing is known of this machine")
	}
}
