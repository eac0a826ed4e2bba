package metrics

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spreadd/spreadd/internal/prom"
	"github.com/spreadd/spreadd/logs/internal/traffic"
	"github.com/spreadd/spreadd/logs/logmon"
)

// Source is what is served; *logmon.Monitor is one.
type Source interface {
	View(traffic.Query) logmon.View
}

// New returns the metrics of a monitor.
func New(s Source) prometheus.Collector {
	return prom.NewCollector(func() logmon.View { return s.View(traffic.Query{VHosts: traffic.LimitVHosts}) }, families())
}

// family is one metric of a monitor.
type family = prom.Family[logmon.View]

// families lists what is served, in the order of docs/operate/metrics.md.
func families() []family {
	return slices.Concat([]family{prom.BuildInfo[logmon.View]("logmon")},
		connectionFamilies(), lineFamilies(), requestFamilies(),
		rowFamilies("server", "daemon that logpub sent them to", func(v *logmon.View) []traffic.Row { return v.Servers }),
		rowFamilies("vhost", "virtual host", hosts),
		sessionFamilies())
}

// hosts are the virtual hosts that have a place of their own. What is counted for the others goes up by whole
// histories when a host loses its place, of which rates would make a peak.
func hosts(v *logmon.View) []traffic.Row {
	return slices.DeleteFunc(slices.Clone(v.VHosts), func(r traffic.Row) bool { return r.Name == traffic.Other })
}

func connectionFamilies() []family {
	return []family{
		prom.Flag("logmon_connected", "1 if all groups are joined, else 0.",
			func(v *logmon.View) bool { return v.State.Connected }),
		prom.Counter("logmon_connects_total", "sessions", "Sessions in which all groups were joined; one is normal.",
			func(v *logmon.View) int64 { return v.State.Connects }),
		prom.Counter("logmon_received_messages_total", "messages", "Messages that were received for a group and counted.",
			func(v *logmon.View) int64 { return v.Messages }),
		prom.Counter("logmon_received_bytes_total", "bytes", "Bytes of these messages, envelopes included.",
			func(v *logmon.View) int64 { return v.MessageBytes }),
		prom.Counters("logmon_dropped_messages_total", "messages", "reason", "Messages that were received and not counted, by reason; queue_full are those that came faster than they can be counted.",
			prom.ByReason(func(v *logmon.View) map[string]int64 { return v.State.Dropped })),
	}
}

func lineFamilies() []family {
	byGroup := func(value func(*traffic.Group) int64) func(*logmon.View, prom.Put) {
		return func(v *logmon.View, put prom.Put) {
			for i := range v.Groups {
				put(float64(value(&v.Groups[i])), v.Groups[i].Name)
			}
		}
	}
	return []family{
		prom.Counter("logmon_received_lines_total", "lines", "Lines in these messages, without repeats.",
			func(v *logmon.View) int64 { return v.Lines }),
		prom.Counters("logmon_odd_lines_total", "lines", "reason", "Lines and messages that are no line of an access log, by the field that did not fit or what was wrong with the envelope.",
			prom.ByReason(func(v *logmon.View) map[string]int64 { return v.Odd })),
		prom.Counter("logmon_repeated_lines_total", "lines", "Lines that had come before, as their envelopes tell, and were not counted again.",
			func(v *logmon.View) int64 { return v.Repeated }),
		prom.Counter("logmon_missing_lines_total", "lines", "Lines that did not come where they should have, as the numbers in envelopes tell.",
			func(v *logmon.View) int64 { return v.Missing }),
		prom.Counter("logmon_late_lines_total", "lines", "Lines that had been counted as missing, and came later.",
			func(v *logmon.View) int64 { return v.Late }),
		prom.Counters("logmon_group_lines_total", "lines", "group", "Lines, by group.",
			byGroup(func(g *traffic.Group) int64 { return g.Lines })),
		prom.Counters("logmon_group_odd_lines_total", "lines", "group", "Odd lines and messages, by group.",
			byGroup(func(g *traffic.Group) int64 { return g.Odd })),
	}
}

func requestFamilies() []family {
	return []family{
		prom.Counters("logmon_requests_total", "requests", "code", "Requests, by status code as the line has it.",
			func(v *logmon.View, put prom.Put) {
				for i := range v.Codes {
					put(float64(v.Codes[i].Requests), v.Codes[i].Text())
				}
			}),
		prom.Counter("logmon_response_bytes_total", "bytes", "Bytes of the responses.",
			func(v *logmon.View) int64 { return v.Total.Bytes }),
	}
}

// rowFamilies are the metrics of a list of rows.
func rowFamilies(label, what string, list func(*logmon.View) []traffic.Row) []family {
	each := func(put func(*traffic.Row)) func(*logmon.View) {
		return func(v *logmon.View) {
			rows := list(v)
			for i := range rows {
				put(&rows[i])
			}
		}
	}
	return []family{
		prom.Counters("logmon_"+label+"_requests_total", "requests", label, "Requests, by "+what+".",
			func(v *logmon.View, put prom.Put) {
				each(func(r *traffic.Row) { put(float64(r.Requests), r.Name) })(v)
			}),
		prom.Counters("logmon_"+label+"_errors_total", "requests", label+" class", "Requests with status 4xx and 5xx, by "+what+".",
			func(v *logmon.View, put prom.Put) {
				each(func(r *traffic.Row) {
					put(float64(r.ClientErrors), r.Name, traffic.Class4xx.String())
					put(float64(r.ServerErrors), r.Name, traffic.Class5xx.String())
				})(v)
			}),
		prom.Counters("logmon_"+label+"_response_bytes_total", "bytes", label, "Bytes of the responses, by "+what+".",
			func(v *logmon.View, put prom.Put) {
				each(func(r *traffic.Row) { put(float64(r.Bytes), r.Name) })(v)
			}),
	}
}

func sessionFamilies() []family {
	return []family{
		prom.Gauge("logmon_sessions", "sessions", "Clients with their user agents that are online.",
			func(v *logmon.View) int { return v.Online }),
		prom.Gauges("logmon_vhost_sessions", "sessions", "vhost", "The same, by virtual host.",
			func(v *logmon.View, put prom.Put) {
				for _, r := range hosts(v) {
					put(float64(r.Online), r.Name)
				}
			}),
		prom.Counter("logmon_evicted_sessions_total", "sessions", "Sessions that ended for lack of room, and not by the time-out.",
			func(v *logmon.View) int64 { return v.SessionsEvicted }),
		prom.Gauge("logmon_vhosts", "hosts", "Virtual hosts that have numbers of their own.",
			func(v *logmon.View) int { return v.NumVHosts }),
		prom.Counter("logmon_replaced_vhosts_total", "hosts", "Virtual hosts that were quiet and made room for others.",
			func(v *logmon.View) int64 { return v.VHostsReplaced }),
	}
}
