package metrics

import (
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/daemon/session"
	"github.com/spreadd/spreadd/topology"
	"github.com/spreadd/spreadd/wire"
)

// Source is what is asked at each scrape. *daemon.Daemon is one.
type Source interface {
	Stats() daemon.Stats
	Members() []string
}

// Config says which daemon is served.
type Config struct {
	Source Source
	// Topology is the configuration, Self the daemon's place in it.
	Topology *topology.Topology
	Self     wire.DaemonID
	// ConfHash is the configuration's hash, on which all daemons have to agree.
	ConfHash uint32
}

// Collector turns the counters of a daemon into metrics. It keeps none of its own.
type Collector struct {
	cfg      Config
	names    []string // of the configured daemons, as the configuration has them
	labels   []string // the same, as labels
	families []family
	descs    []*prometheus.Desc
	info     []prometheus.Metric // which never change
}

// NewCollector returns the collector of a daemon.
func NewCollector(cfg Config) *Collector {
	c := &Collector{cfg: cfg, families: families()}
	for _, d := range cfg.Topology.Daemons() {
		c.names = append(c.names, d.Name)
		c.labels = append(c.labels, text(d.Name))
	}
	for _, f := range c.families {
		var labels []string
		if f.label != "" {
			labels = []string{f.label}
		}
		c.descs = append(c.descs, prometheus.NewDesc(f.name, f.help, labels, nil))
	}
	c.info = []prometheus.Metric{buildInfo(), daemonInfo(&cfg)}
	return c
}

// The names and meanings of the two metrics that are there for their labels.
const (
	buildInfoName  = "spreadd_build_info"
	buildInfoHelp  = "Always 1; the labels say what was built, from what, by which Go, and which version of Spread it speaks."
	daemonInfoName = "spreadd_daemon_info"
	daemonInfoHelp = "Always 1; the labels say which daemon this is, and the hash of its configuration, which has to be the same everywhere."
)

func buildInfo() prometheus.Metric {
	version, revision := "unknown", "unknown"
	if b, ok := debug.ReadBuildInfo(); ok {
		if b.Main.Version != "" {
			version = b.Main.Version
		}
		for _, s := range b.Settings {
			if s.Key == "vcs.revision" {
				revision = s.Value
			}
		}
	}
	v := wire.OurVersion
	desc := prometheus.NewDesc(buildInfoName, buildInfoHelp, []string{"version", "revision", "goversion", "protocol"}, nil)
	protocol := strconv.Itoa(int(v.Major)) + "." + strconv.Itoa(int(v.Minor)) + "." + strconv.Itoa(int(v.Patch))
	return prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, 1, text(version), text(revision), runtime.Version(), protocol)
}

func daemonInfo(cfg *Config) prometheus.Metric {
	name := ""
	if d := cfg.Topology.Daemon(cfg.Self); d != nil {
		name = d.Name
	}
	desc := prometheus.NewDesc(daemonInfoName, daemonInfoHelp, []string{"daemon", "conf_hash"}, nil)
	hash := strconv.FormatUint(uint64(cfg.ConfHash), 10) // as in the log and in spreadd -check
	return prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, 1, text(name), hash)
}

// Describe is for the registry.
func (c *Collector) Describe(out chan<- *prometheus.Desc) {
	for _, m := range c.info {
		out <- m.Desc()
	}
	for _, d := range c.descs {
		out <- d
	}
}

// Collect asks the daemon once, so that all series are of one moment as far as
// the daemon's own counters are.
func (c *Collector) Collect(out chan<- prometheus.Metric) {
	for _, m := range c.info {
		out <- m
	}
	s := snapshot{Stats: c.cfg.Source.Stats(), self: c.cfg.Self, configured: c.labels, present: make([]bool, len(c.names))}
	members := c.cfg.Source.Members()
	for i, name := range c.names {
		s.present[i] = slices.Contains(members, name)
	}
	for i, f := range c.families {
		f.collect(&s, func(value float64, label string) {
			if f.label == "" {
				out <- prometheus.MustNewConstMetric(c.descs[i], f.kind, value)
				return
			}
			out <- prometheus.MustNewConstMetric(c.descs[i], f.kind, value, label)
		})
	}
}

// snapshot is a daemon at a moment.
type snapshot struct {
	daemon.Stats
	self       wire.DaemonID
	configured []string // labels of the configured daemons
	present    []bool   // whether each is in the membership
}

// text is a name as a label: labels have to be UTF-8, names need not.
func text(name string) string {
	if utf8.ValidString(name) {
		return name
	}
	return strconv.QuoteToASCII(name)
}

// word is the name of a value of an enumeration as labels are written.
func word(name string) string {
	return strings.ReplaceAll(strings.ToLower(name), " ", "_")
}

// endText is the name of an end without what the metric's name says.
func endText(i int) string {
	return strings.TrimPrefix(session.End(i).String(), "handshake_")
}
