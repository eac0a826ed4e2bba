//go:build (linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64 || s390x)) || (darwin && (amd64 || arm64)) || (freebsd && (386 || amd64 || arm64)) || (netbsd && amd64) || (openbsd && (amd64 || arm64)) || (windows && (386 || amd64 || arm64))

package sqlsink

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

func sqliteDialect() (*dialect, error) {
	return &dialect{
		quote: `"`, layout: "2006-01-02 15:04:05.999999", upsert: "ON CONFLICT DO NOTHING",
		open: func(dsn string, timeout time.Duration) (*sql.DB, error) {
			sep := "?"
			if strings.Contains(dsn, "?") {
				sep = "&"
			}
			// Another process may hold the file for a moment.
			return sql.Open("sqlite", dsn+sep+fmt.Sprintf("_pragma=busy_timeout(%d)", timeout.Milliseconds()/2))
		},
		secret: func(string) (bool, error) { return false, nil },
		refused: func(err error) bool {
			e, ok := errors.AsType[*sqlite.Error](err)
			if !ok {
				return false
			}
			switch e.Code() & 0xff {
			case sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH:
				return true
			}
			return false
		},
	}, nil
}
