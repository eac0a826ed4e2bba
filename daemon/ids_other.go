//go:build !unix

package daemon

import "io/fs"

// isOwn is true where directories for all users are not the rule.
func isOwn(fs.FileInfo) bool { return true }
