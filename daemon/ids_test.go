package daemon

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/internal/topology"
)

func idConfig(dir string) Config {
	return Config{StateDir: dir, Port: 4803, Engine: engine.Config{Topology: topology.Alone(0x7f000001, "alpha"), Self: 0x7f000001}}
}

// TestIDsOverRestarts: each life of a daemon makes ids above those of the life before, although its
// clock has not passed them.
func TestIDsOverRestarts(t *testing.T) {
	cfg := idConfig(t.TempDir())
	cfg.SocketDir = cfg.StateDir
	var last int32
	for range 3 {
		d, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		o := &d.owner
		o.resume()
		o.begin()
		if got := o.engine.LastTime(); got <= last {
			t.Errorf("ids up to %d after %d", got, last)
		} else {
			last = got + 100 // it runs ahead of the clock
		}
		o.ids.keep(last, d.log)
		if err := o.ids.close(); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(cfg.StateDir, "spread-4803-7f000001.ids")
	if b, err := os.ReadFile(path); err != nil || len(b) != 11 {
		t.Errorf("the file holds %q, %v", b, err)
	}
	// An orderly stop leaves nothing behind once the clock has passed.
	ids, _ := openIDs(&cfg, slog.New(slog.DiscardHandler))
	ids.keep(int32(time.Now().Unix())-1, slog.New(slog.DiscardHandler))
	if err := ids.close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is left behind: %v", err)
	}
}

// TestIDsUnknown: without the times of former lives, ids begin at a random time, so that two lives of
// one second hardly meet. What an attacker may have put into the directory is not written to.
func TestIDsUnknown(t *testing.T) {
	const name = "spread-4803-7f000001.ids"
	for _, tt := range []struct {
		name    string
		prepare func(dir string) error
	}{
		{"no directory", func(dir string) error { return os.Remove(dir) }},
		{"garbage", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, name), []byte("twenty past twelve"), 0o600)
		}},
		{"beyond 2038", func(dir string) error { return os.WriteFile(filepath.Join(dir, name), []byte("4000000000\n"), 0o600) }},
		{"directory", func(dir string) error { return os.Mkdir(filepath.Join(dir, name), 0o700) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := tt.prepare(dir); err != nil {
				t.Fatal(err)
			}
			cfg := idConfig(dir)
			var out testkit.Output
			ids, a := openIDs(&cfg, slog.New(slog.NewTextHandler(&out, nil)))
			defer func() { _ = ids.close() }()
			if now := int32(time.Now().Unix()); a < now-60 || a > now+idsUnknown {
				t.Errorf("ids after %d", a)
			}
			if !strings.Contains(out.String(), "advice") {
				t.Errorf("log %q", out.String())
			}
			ids.keep(a+1, slog.New(slog.DiscardHandler))
			if again, b := openIDs(&cfg, slog.New(slog.DiscardHandler)); ids.f != nil && b != a+1 {
				t.Errorf("the next life begins at %d, want %d", b, a+1)
			} else {
				defer func() { _ = again.close() }()
			}
			cfg.StateDir = ""
			for range 20 {
				if _, b := openIDs(&cfg, slog.New(slog.DiscardHandler)); b != a {
					return
				}
			}
			t.Error("ids begin at the same time again")
		})
	}
}
