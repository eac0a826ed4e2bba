//go:build !((linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64 || s390x)) || (darwin && (amd64 || arm64)) || (freebsd && (386 || amd64 || arm64)) || (netbsd && amd64) || (openbsd && (amd64 || arm64)) || (windows && (386 || amd64 || arm64)))

package sqlsink

import (
	"fmt"
	"runtime"
)

func sqliteDialect() (*dialect, error) {
	return nil, fmt.Errorf("the driver %s is not there for %s on %s: use another database", SQLite, runtime.GOOS, runtime.GOARCH)
}
