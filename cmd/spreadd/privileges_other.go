//go:build !unix

package main

import (
	"log/slog"

	"github.com/spreadd/spreadd/internal/spreadconf"
)

// dropPrivileges does nothing where there is no root to drop.
func dropPrivileges(*spreadconf.Options, *slog.Logger) error { return nil }
