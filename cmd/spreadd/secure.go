package main

import (
	"log/slog"

	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/daemon/settings"
)

// secure has the daemon serve clients that speak TLS, if there is an address for them.
func secure(cfg *daemon.Config, t *settings.TLS) (err error) {
	if cfg.TLSListen = t.Listen; len(t.Listen) == 0 {
		return nil
	}
	log := cfg.Log
	cfg.TLS, err = t.Files().Server(func(err error) {
		log.Error("cannot use new certificates", slog.Any("error", err))
	})
	return err
}
