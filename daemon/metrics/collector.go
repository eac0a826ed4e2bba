package metrics

import (
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/daemon/session"
	"github.com/spreadd/spreadd/internal/prom"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// Source provides the counters at each scrape. *daemon.Daemon implements it.
type Source interface {
	Stats() daemon.Stats
	Members() []string
}

// Config describes the daemon.
type Config struct {
	Source Source
	// Topology is the configuration, and Self is the daemon in it.
	Topology *topology.Topology
	Self     wire.DaemonID
	// ConfHash is the hash of the configuration, which must be the same for all daemons.
	ConfHash uint32
	// Configuration, if not nil, returns the current Topology and ConfHash.
	Configuration func() (top *topology.Topology, hash uint32)
}

// New returns the metrics of a daemon, for [prom.Listen] or another registry.
func New(cfg Config) prometheus.Collector {
	return prom.NewCollector(cfg.snapshot, cfg.families())
}

type snapshot struct {
	daemon.Stats
	self       wire.DaemonID
	hash       uint32   // of the configuration
	configured []string // names of the configured daemons
	present    []bool   // whether each is in the membership
}

func (c *Config) current() (top *topology.Topology, hash uint32) {
	if c.Configuration != nil {
		return c.Configuration()
	}
	return c.Topology, c.ConfHash
}

func (c *Config) snapshot() snapshot {
	top, hash := c.current()
	s := snapshot{Stats: c.Source.Stats(), self: c.Self, hash: hash}
	members := c.Source.Members()
	for _, d := range top.Daemons() {
		s.configured = append(s.configured, d.Name)
		s.present = append(s.present, slices.Contains(members, d.Name))
	}
	return s
}

// families lists the metrics in the order of docs/operate/metrics.md.
func (c *Config) families() []family {
	v := wire.OurVersion
	protocol := strconv.Itoa(int(v.Major)) + "." + strconv.Itoa(int(v.Minor)) + "." + strconv.Itoa(int(v.Patch))
	return slices.Concat(
		[]family{prom.BuildInfo[snapshot]("spreadd", "protocol", protocol), c.daemonInfo()},
		sessionFamilies(), messageFamilies(), groupFamilies(), membershipFamilies(), ringFamilies(), sequenceFamilies(), datagramFamilies(),
	)
}

func (c *Config) daemonInfo() family {
	name := ""
	if d := c.Topology.Daemon(c.Self); d != nil {
		name = d.Name
	}
	f := prom.Gauges("spreadd_daemon_info", "", "daemon conf_hash",
		"Always 1; the labels are the daemon's name and the hash of its configuration, which must be the same for all daemons.",
		func(s *snapshot, put prom.Put) {
			put(1, name, strconv.FormatUint(uint64(s.hash), 10)) // as in the log and in spreadd -check
		})
	return f
}

// endText returns the name of an End without the part that the metric's name has already.
func endText(i int) string {
	return strings.TrimPrefix(session.End(i).String(), "handshake_")
}
