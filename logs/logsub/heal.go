package logsub

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/logs/internal/lineindex"
	"github.com/spreadd/spreadd/logs/internal/peer"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logpath"
)

// DefaultHealRate leaves most of a gigabit to others.
const DefaultHealRate = 64 << 20

// Heal says how log hosts read each other's files. The zero value keeps this one apart.
type Heal struct {
	// Listen is the address on which log files are served to other log hosts; empty means that
	// none are, and that nothing is fetched from others.
	Listen string
	// Address is where others reach Listen. Empty means Listen or, if that has no host, the name
	// of this host.
	Address string
	// Peers are the addresses of log hosts that are asked first, and may always read. Others are
	// those that introduce themselves in the groups.
	Peers []string
	// Rate limits the bytes per second that are served; zero means DefaultHealRate.
	Rate int64
}

// check reports addresses without a port.
func (h *Heal) check() error {
	for _, address := range append([]string{h.Listen, h.Address}, h.Peers...) {
		if _, _, err := net.SplitHostPort(address); address != "" && err != nil {
			return fmt.Errorf("logsub: heal: %q is not an address with a port: %w", address, err)
		}
	}
	return nil
}

// indexed is the logs with an index that share a template: what two log hosts compare.
type indexed struct {
	template *logpath.Template
	served   peer.Served
}

// indexedLogs returns the logs of a configuration that have an index.
func indexedLogs(cfg *Config) ([]*indexed, error) {
	var list []*indexed
	logs := make(map[string][]Log) // by template
	names := make(map[string]int)
	for _, conn := range cfg.Connections {
		for _, l := range conn.Logs {
			if l.Envelope != EnvelopeIndex {
				continue
			}
			t, err := logpath.Parse(l.File)
			if err != nil {
				return nil, fmt.Errorf("logsub: file %s: %w", l.File, err)
			}
			if logs[t.String()] == nil {
				names[nameOf(t)]++
				list = append(list, &indexed{template: t})
			}
			logs[t.String()] = append(logs[t.String()], l)
		}
	}
	for _, x := range list {
		t := x.template
		x.served.Name = nameOf(t)
		if names[x.served.Name] > 1 {
			x.served.Name = t.String() // two directories have it
		}
		x.served.Config = fingerprint(cfg, x.served.Name, logs[t.String()])
		x.served.Files = lineindex.Dir{Disk: cfg.Disk, Root: t.Base(), Match: func(path string) bool {
			_, ok := t.Match(path)
			return ok
		}}
	}
	return list, nil
}

// nameOf returns a template without its directory, which may differ between log hosts.
func nameOf(t *logpath.Template) string { return strings.TrimPrefix(t.String()[len(t.Base()):], "/") }

// fingerprint stands for all settings that decide what the files of a template contain.
func fingerprint(cfg *Config, name string, logs []Log) string {
	same := Config{BufferSize: cfg.BufferSize, Truncate: cfg.Truncate, Connections: []Connection{{Address: DefaultDaemon}}}
	if cfg.Zone != nil && cfg.Zone != time.UTC {
		same.Zone = cfg.Zone
	}
	for _, l := range logs {
		l.File = name
		if l.GroupsFile != "" {
			l.GroupsFile = listLabel // whatever its path is
		}
		l.Keep, l.Access = Keeping{Size: l.Keep.Size}, fsutil.Permissions{}
		same.Connections[0].Logs = append(same.Connections[0].Logs, l)
	}
	sum := sha256.Sum256([]byte(same.TOML()))
	return hex.EncodeToString(sum[:8])
}
