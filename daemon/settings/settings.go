package settings

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"slices"
	"strconv"

	"github.com/spreadd/spreadd/internal/conf"
	"github.com/spreadd/spreadd/internal/conf/tomlconf"
	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/internal/logging"
	"github.com/spreadd/spreadd/internal/prom"
	"github.com/spreadd/spreadd/internal/tlsconf"
)

// DefaultFile is the file that is read if it exists.
const DefaultFile = "/etc/spread/spreadd.toml"

// Settings is the content of spreadd.toml.
type Settings struct {
	LogFormat logging.Format `toml:"log_format" default:"text" help:"form of the log: text as EventTimeStamp has it, or json, one object on a line"`
	HTTP      string         `toml:"http" help:"address for the state, health checks and metrics, or a port of the loopback address; empty for none"`
	Profiles  bool           `toml:"pprof" help:"serve profiles of the Go runtime with them"`
	Realtime  bool           `toml:"realtime" help:"run with a real-time priority, so that busy programs do not delay the ring (Linux; needs LimitRTPRIO=1 or CAP_SYS_NICE)"`
	RingKeys  string         `toml:"ring_keys" help:"file with the keys that seal all datagrams between daemons, mode 0600 or 0640; empty for plain datagrams, as C daemons send them"`

	Socket Socket `toml:"socket" help:"UNIX sockets for clients of this host"`
	TLS    TLS    `toml:"tls" help:"port for clients that speak TLS 1.3"`

	Allow []Allow `toml:"allow" help:"rule that allows something to the clients that meet all of its conditions; with one rule, nothing is allowed that no rule allows"`
}

// Check implements [tomlconf.Checker].
func (s *Settings) Check(t *tomlconf.Table) {
	s.checkIdentities()
	if s.HTTP == "" {
		return
	}
	if err := prom.CheckAddress(s.HTTP); err != nil {
		t.Errorf("http", "", "http: %v", err)
	}
}

// Socket says where the UNIX sockets are and who may use them.
type Socket struct {
	Dir       string    `toml:"dir" default:"/run/spread" help:"directory of the socket PORT.sock, where our programs look first; made if missing; empty for none"`
	LegacyDir string    `toml:"legacy_dir" default:"/tmp" help:"directory of the socket PORT, the only one that C programs know; empty for none"`
	Mode      conf.Mode `toml:"mode" default:"0666" help:"permissions of both sockets, in octal; 0660 admits the owner and the group"`
	Group     string    `toml:"group" help:"group of both sockets (default: DaemonGroup of spread.conf, or the group that spreadd runs as)"`
}

// TLS says where clients that speak TLS connect. Files that change are read again.
type TLS struct {
	Listen      []string `toml:"listen" help:"addresses as HOST:PORT, such as 10.0.0.1:4804, or :4804 for all addresses of this host (default: none)"`
	Certificate string   `toml:"certificate" help:"PEM file of this daemon's certificate, with those of intermediate authorities behind it; files of this table are read again when they change"`
	Key         string   `toml:"key" help:"PEM file of the key of the certificate; the user that spreadd runs as must be able to read it"`
	ClientCA    string   `toml:"client_ca" help:"PEM file of the authorities that sign the certificates of clients; clients without one are then refused (default: clients need none)"`
}

// Check implements [tomlconf.Checker].
func (c *TLS) Check(t *tomlconf.Table) {
	for i, a := range c.Listen {
		if _, port, err := net.SplitHostPort(a); err != nil {
			t.ErrorAt("listen", i, "", "%q is not an address with a port; write 10.0.0.1:4804, or :4804 for all addresses", a)
		} else if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 && port != "0" {
			t.ErrorAt("listen", i, "", "the port of %q is not a number from 1 to 65535", a)
		}
	}
	switch {
	case len(c.Listen) > 0 && (c.Certificate == "" || c.Key == ""):
		t.Errorf("listen", "add certificate and key", "clients that speak TLS need a certificate to check")
	case len(c.Listen) == 0 && (t.Has("certificate") || t.Has("key") || t.Has("client_ca")):
		t.Errorf("", `add listen = ":4804"`, "[tls] has files and no address to listen on")
	}
}

// Files returns the files for package tlsconf.
func (c *TLS) Files() tlsconf.PEMFiles {
	return tlsconf.PEMFiles{Certificate: c.Certificate, Key: c.Key, CA: c.ClientCA}
}

// Equal reports whether two tables say the same.
func (c *TLS) Equal(o *TLS) bool { return slices.Equal(c.Listen, o.Listen) && c.Files() == o.Files() }

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

// Format returns the settings as a file that has the same content. Keys that have their defaults
// are left out.
func (s *Settings) Format() string { return tomlconf.Format(s) }
