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

// Source provides the counters and the configuration at each scrape. *daemon.Daemon implements it.
type Source interface {
	Stats() daemon.Stats
	Members() []string
	Configuration() (top *topology.Topology, hash uint32)
}

// New returns the metrics of the daemon self, for [prom.Listen] or another registry.
func New(source Source, self wire.DaemonID) prometheus.Collector {
	return prom.NewCollector(func() snapshot {
		s := snapshot{Stats: source.Stats(), self: self}
		top, hash := source.Configuration()
		s.hash = hash
		members := source.Members()
		for _, d := range top.Daemons() {
			s.configured = append(s.configured, d.Name)
			s.present = append(s.present, slices.Contains(members, d.Name))
		}
		return s
	}, families(source, self))
}

type snapshot struct {
	daemon.Stats
	self       wire.DaemonID
	hash       uint32   // of the configuration
	configured []string // names of the configured daemons
	present    []bool   // whether each is in the membership
}

// families lists the metrics in the order of docs/operate/metrics.md.
func families(source Source, self wire.DaemonID) []family {
	v := wire.OurVersion
	protocol := strconv.Itoa(int(v.Major)) + "." + strconv.Itoa(int(v.Minor)) + "." + strconv.Itoa(int(v.Patch))
	return slices.Concat(
		[]family{prom.BuildInfo[snapshot]("spreadd", "protocol", protocol), daemonInfo(source, self)},
		sessionFamilies(), messageFamilies(), groupFamilies(), membershipFamilies(), ringFamilies(), sequenceFamilies(), datagramFamilies(), keyFamilies(),
	)
}

func daemonInfo(source Source, self wire.DaemonID) family {
	name := ""
	if top, _ := source.Configuration(); top.Daemon(self) != nil {
		name = top.Daemon(self).Name
	}
	return prom.Gauges("spreadd_daemon_info", "", "daemon conf_hash",
		"Always 1; the labels are the daemon's name and the hash of its configuration, which must be the same for all daemons.",
		func(s *snapshot, put prom.Put) {
			put(1, name, strconv.FormatUint(uint64(s.hash), 10)) // as in the log and in spreadd -check
		})
}

// endText returns the name of an End without the part that the metric's name has already.
func endText(i int) string {
	return strings.TrimPrefix(session.End(i).String(), "handshake_")
}
