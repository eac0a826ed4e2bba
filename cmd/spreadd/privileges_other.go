//go:build !unix

package main

import (
	"log/slog"

	"github.com/spreadd/spreadd/internal/spreadconf"
)

// dropPrivileges does nothing where there is no root to drop.
func dropPrivileges(*spreadconf.Options, *slog.Logger, string, []string, bool) (root bool, err error) {
	return false, nil
}

// makeRunDir does nothing: such systems have no directory for it.
func makeRunDir(string) (made string) { return "" }
