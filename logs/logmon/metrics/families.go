package metrics

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spreadd/spreadd/internal/prom"
	"github.com/spreadd/spreadd/logs/internal/traffic"
	"github.com/spreadd/spreadd/logs/logmon"
)

// Source is what is served: a *logmon.Monitor.
type Source interface {
	View(traffic.Query) logmon.View
}

// New returns the metrics of a monitor.
func New(s Source) prometheus.Collector {
	return prom.NewCollector(func() logmon.View { return s.View(traffic.Query{VHosts: traffic.LimitVHosts}) }, families())
}

type family = prom.Family[logmon.View]

// families lists what is served, in the order of docs/operate/metrics.md.
func families() []family {
	return slices.Concat([]family{prom.BuildInfo[logmon.View]("logmon")},
		connectionFamilies(), lineFamilies(), requestFamilies(),
		rowFamilies("server", "daemon that received them", func(v *logmon.View) []traffic.Row { return v.Servers }),
		rowFamilies("vhost", "virtual host", hosts),
		sessionFamilies())
}

// hosts are the virtual hosts that are counted separately. The count of the others jumps by the
// whole history of a host when that is replaced, which rates would show as a peak.
func hosts(v *logmon.View) []traffic.Row {
	return slices.DeleteFunc(slices.Clone(v.VHosts), func(r traffic.Row) bool { return r.Name == traffic.Other })
}

func connectionFamilies() []family {
	return []family{
		prom.Flag("logmon_connected", "1 if all groups are joined, otherwise 0.",
			func(v *logmon.View) bool { return v.State.Connected }),
		prom.Counter("logmon_connects_total", "sessions", "Connections in which all groups were joined; one is normal.",
			func(v *logmon.View) int64 { return v.State.Connects }),
		prom.Counter("logmon_received_messages_total", "messages", "Messages received and counted.",
			func(v *logmon.View) int64 { return v.Messages }),
		prom.Counter("logmon_received_bytes_total", "bytes", "Bytes of these messages, including envelopes.",
			func(v *logmon.View) int64 { return v.MessageBytes }),
		prom.Counters("logmon_dropped_messages_total", "messages", "reason", "Messages received and dropped, by reason; queue_full means that logmon is too slow.",
			prom.ByReason(func(v *logmon.View) map[string]int64 { return v.State.Dropped })),
	}
}

func lineFamilies() []family {
	byGroup := prom.Each[int64](func(v *logmon.View) []traffic.Group { return v.Groups },
		func(g *traffic.Group) []string { return []string{g.Name} })
	return []family{
		prom.Counter("logmon_received_lines_total", "lines", "Lines in these messages, without duplicates.",
			func(v *logmon.View) int64 { return v.Lines }),
		prom.Counters("logmon_odd_lines_total", "lines", "reason", "Lines and messages that are not access log lines, by the invalid field or the fault of the envelope.",
			prom.ByReason(func(v *logmon.View) map[string]int64 { return v.Odd })),
		prom.Counter("logmon_repeated_lines_total", "lines", "Duplicate lines, detected by their envelopes and not counted again.",
			func(v *logmon.View) int64 { return v.Repeated }),
		prom.Counter("logmon_missing_lines_total", "lines", "Lines missing from the sequence numbers in envelopes.",
			func(v *logmon.View) int64 { return v.Missing }),
		prom.Counter("logmon_late_lines_total", "lines", "Lines that arrived after they were counted as missing.",
			func(v *logmon.View) int64 { return v.Late }),
		prom.Counters("logmon_group_lines_total", "lines", "group", "Lines, by group.",
			byGroup(func(g *traffic.Group) int64 { return g.Lines })),
		prom.Counters("logmon_group_odd_lines_total", "lines", "group", "Odd lines and messages, by group.",
			byGroup(func(g *traffic.Group) int64 { return g.Odd })),
	}
}

func requestFamilies() []family {
	return []family{
		prom.Counters("logmon_requests_total", "requests", "code", "Requests, by status code.",
			func(v *logmon.View, put prom.Put) {
				for i := range v.Codes {
					put(float64(v.Codes[i].Requests), v.Codes[i].Text())
				}
			}),
		prom.Counter("logmon_response_bytes_total", "bytes", "Bytes of the responses.",
			func(v *logmon.View) int64 { return v.Total.Bytes }),
	}
}

// rowFamilies are the metrics of a list of servers or virtual hosts.
func rowFamilies(label, what string, list func(*logmon.View) []traffic.Row) []family {
	each := prom.Each[int64](list, func(r *traffic.Row) []string { return []string{r.Name} })
	return []family{
		prom.Counters("logmon_"+label+"_requests_total", "requests", label, "Requests, by "+what+".",
			each(func(r *traffic.Row) int64 { return r.Requests })),
		prom.Counters("logmon_"+label+"_errors_total", "requests", label+" class", "Requests with status 4xx and 5xx, by "+what+".",
			func(v *logmon.View, put prom.Put) {
				for _, r := range list(v) {
					put(float64(r.ClientErrors), r.Name, traffic.Class4xx.String())
					put(float64(r.ServerErrors), r.Name, traffic.Class5xx.String())
				}
			}),
		prom.Counters("logmon_"+label+"_response_bytes_total", "bytes", label, "Bytes of the responses, by "+what+".",
			each(func(r *traffic.Row) int64 { return r.Bytes })),
	}
}

func sessionFamilies() []family {
	return []family{
		prom.Gauge("logmon_sessions", "sessions", "Clients online; a client is an address with a user agent.",
			func(v *logmon.View) int { return v.Online }),
		prom.Gauges("logmon_vhost_sessions", "sessions", "vhost", "Clients online, by virtual host.",
			func(v *logmon.View, put prom.Put) {
				for _, r := range hosts(v) {
					put(float64(r.Online), r.Name)
				}
			}),
		prom.Counter("logmon_evicted_sessions_total", "sessions", "Clients forgotten because of -max-sessions, before their session timed out.",
			func(v *logmon.View) int64 { return v.SessionsEvicted }),
		prom.Gauge("logmon_vhosts", "hosts", "Virtual hosts counted separately.",
			func(v *logmon.View) int { return v.NumVHosts }),
		prom.Counter("logmon_replaced_vhosts_total", "hosts", "Quiet virtual hosts replaced by others because of -max-vhosts.",
			func(v *logmon.View) int64 { return v.VHostsReplaced }),
	}
}
