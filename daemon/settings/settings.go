package settings

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"github.com/spreadd/spreadd/internal/conf/tomlconf"
	"github.com/spreadd/spreadd/internal/fsutil"
)

// DefaultFile is the file that is read if it exists.
const DefaultFile = "/etc/spread/spreadd.toml"

// Settings is the content of spreadd.toml.
type Settings struct {
	HTTP     string `toml:"http" help:"address for the state, health checks and metrics, or a port of the loopback address; empty for none"`
	Profiles bool   `toml:"pprof" help:"serve profiles of the Go runtime with them"`
	Realtime bool   `toml:"realtime" help:"run with a real-time priority, so that busy programs do not delay the ring (Linux; needs LimitRTPRIO=1 or CAP_SYS_NICE)"`

	Socket Socket `toml:"socket" help:"UNIX sockets for clients of this host"`
}

// Socket says where the UNIX sockets are and who may use them.
type Socket struct {
	Dir       string `toml:"dir" default:"/run/spread" help:"directory of the socket PORT.sock, where our programs look first; made if missing; empty for none"`
	LegacyDir string `toml:"legacy_dir" default:"/tmp" help:"directory of the socket PORT, the only one that C programs know; empty for none"`
	Mode      Mode   `toml:"mode" default:"0666" help:"permissions of both sockets, in octal; 0660 admits the owner and the group"`
	Group     string `toml:"group" help:"group of both sockets (default: DaemonGroup of spread.conf, or the group that spreadd runs as)"`
}

// Mode is the permissions of a file, written in octal: "0660".
type Mode fs.FileMode

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *Mode) UnmarshalText(b []byte) error {
	n, err := strconv.ParseUint(string(b), 8, 32)
	if err != nil || n > 0o777 {
		return fmt.Errorf("%q is not a mode; write it in octal, such as 0660", b)
	}
	*m = Mode(n)
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (m Mode) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%04o", uint32(m)), nil }

// Default returns the settings without a file.
func Default() *Settings {
	s := new(Settings)
	tomlconf.SetDefaults(s)
	return s
}

// Load reads a settings file. An empty path stands for [DefaultFile], which need not exist; file is
// then empty. Mistakes in the file are a conf.Errors of internal/conf with all of them.
func Load(ctx context.Context, path string) (s *Settings, file string, err error) {
	file = path
	if path == "" {
		file = DefaultFile
	}
	text, err := fsutil.ReadFile(ctx, file)
	switch {
	case path == "" && errors.Is(err, fs.ErrNotExist):
		return Default(), "", nil
	case err != nil:
		return nil, file, fmt.Errorf("cannot read the settings: %w", err)
	}
	s = new(Settings)
	if _, err := tomlconf.Read(file, text, s); err != nil {
		return nil, file, err
	}
	return s, file, nil
}

// Format returns the settings as a file that has the same content. Keys that have their defaults are
// left out.
func (s *Settings) Format() string { return tomlconf.Format(s) }
