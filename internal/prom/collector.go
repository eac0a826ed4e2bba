package prom

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// Collector makes metrics from snapshots of a program's counters. It has no counters of its own.
type Collector[S any] struct {
	snapshot func() S
	families []Family[S]
	descs    []*prometheus.Desc
}

// NewCollector returns the collector of a program. snapshot is called at each scrape, from several
// goroutines.
func NewCollector[S any](snapshot func() S, families []Family[S]) *Collector[S] {
	c := &Collector[S]{snapshot: snapshot, families: families}
	for _, f := range families {
		c.descs = append(c.descs, prometheus.NewDesc(f.Name, f.Help, f.Labels, nil))
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *Collector[S]) Describe(out chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		out <- d
	}
}

// Collect implements prometheus.Collector. All series come from one snapshot.
func (c *Collector[S]) Collect(out chan<- prometheus.Metric) {
	s := c.snapshot()
	for i, f := range c.families {
		if f.Histogram != nil {
			out <- constHistogram(c.descs[i], f.Histogram(&s))
			continue
		}
		for _, x := range gather(f.Collect, &s) {
			out <- prometheus.MustNewConstMetric(c.descs[i], f.Kind, x.value, x.labels...)
		}
	}
}

type series struct {
	value  float64
	labels []string
}

// gather returns the series of a family. It adds up those with equal labels.
func gather[S any](collect func(*S, Put), s *S) []*series {
	var all []*series
	byLabels := make(map[string]*series)
	collect(s, func(value float64, labels ...string) {
		valid := make([]string, len(labels))
		for i, l := range labels {
			valid[i] = text(l)
		}
		key := strings.Join(valid, "\x00")
		if x := byLabels[key]; x != nil {
			x.value += value
			return
		}
		x := &series{value, valid}
		byLabels[key] = x
		all = append(all, x)
	})
	return all
}

func constHistogram(desc *prometheus.Desc, h Histogram) prometheus.Metric {
	var count uint64
	buckets := make(map[float64]uint64, len(h.Bounds))
	for i, n := range h.Counts {
		count += n
		if i < len(h.Bounds) {
			buckets[h.Bounds[i]] = count
		}
	}
	return prometheus.MustNewConstHistogram(desc, count, h.Sum, buckets)
}
