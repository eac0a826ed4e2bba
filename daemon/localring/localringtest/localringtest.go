package localringtest

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/spreadd/spreadd/daemon/localring"
	"github.com/spreadd/spreadd/internal/testkit"
)

// Ring is a ring that ends with its test.
type Ring struct {
	*localring.Ring
	t testing.TB
}

// New writes the configuration of daemons with these names, and with further lines of spread.conf.
func New(t testing.TB, options string, names ...string) *Ring {
	t.Helper()
	return Open(t, localring.Config{Names: names, Options: options})
}

// Open writes the configuration of daemons. Their directory and log are the test's where cfg has none.
func Open(t testing.TB, cfg localring.Config) *Ring {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.NewTextHandler(&lines{t: t}, nil))
	}
	r, err := localring.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return &Ring{Ring: r, t: t}
}

// Start runs a daemon until it is stopped or the test ends, and returns when clients are served.
func (r *Ring) Start(name string) *localring.Daemon {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), testkit.Patience)
	defer cancel()
	d, err := r.Ring.Start(ctx, name)
	if err != nil {
		r.t.Fatal(err)
	}
	return d
}

// StartAll runs all daemons and returns them in the order of the configuration when they have
// formed one ring.
func (r *Ring) StartAll() []*localring.Daemon {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), testkit.Patience)
	defer cancel()
	all, err := r.Ring.StartAll(ctx)
	if err != nil {
		r.t.Fatal(err)
	}
	return all
}

// lines writes the daemons' logs to the test's log.
type lines struct {
	mu sync.Mutex
	t  testing.TB
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.t.Log(strings.TrimSuffix(string(b), "\n"))
	return len(b), nil
}
