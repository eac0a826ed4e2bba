package buildinfo

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

// What the linker sets in a release. Nothing else writes to these.
var (
	version string
	commit  string
	date    string // of the commit, as 2026-11-30
)

// Version is the version of the release, otherwise that of the module, or "(unknown version)".
func Version() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(unknown version)"
}

// Revision is the commit that the build was made from, or "unknown".
func Revision() string { return cmp.Or(commit, setting("vcs.revision"), "unknown") }

// Date is the day of that commit, or "unknown".
func Date() string {
	day := cmp.Or(date, setting("vcs.time"), "unknown")
	return day[:min(len(day), len("2026-11-30"))]
}

func setting(key string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == key {
				return s.Value
			}
		}
	}
	return ""
}

// Line is what -version prints behind the program's name.
func Line() string {
	commit := Revision()
	return fmt.Sprintf("%s (commit %s, %s, %s, %s/%s)", Version(), commit[:min(len(commit), 12)], Date(),
		runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
