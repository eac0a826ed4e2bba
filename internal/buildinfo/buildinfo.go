package buildinfo

import "runtime/debug"

// Version is the module's version, or "(unknown version)".
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(unknown version)"
}
