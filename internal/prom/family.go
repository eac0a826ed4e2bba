package prom

import (
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spreadd/spreadd/internal/buildinfo"
)

// Put takes a series of a family: its value, and the values of the family's labels in order.
type Put func(value float64, labels ...string)

// Family is one metric with all its series, in snapshots of type S.
type Family[S any] struct {
	Name string
	Kind prometheus.ValueType
	// Unit is the unit in the plural; empty for a metric that only carries labels.
	Unit   string
	Labels []string // names
	Help   string
	// Collect puts each series, including those that are 0, so that rates are right from the first
	// event on.
	Collect func(s *S, put Put)
	// Histogram replaces Collect. Such a family has no labels.
	Histogram func(s *S) Histogram
}

// Histogram counts values by range.
type Histogram struct {
	Bounds []float64 // upper bounds, inclusive
	Counts []uint64  // by range; one more than Bounds, for larger values
	Sum    float64   // of all values
}

// Number is a type of counters.
type Number interface {
	~int | ~int32 | ~int64 | ~uint64 | ~float64
}

// Counter is a family of one series that only grows.
func Counter[S any, N Number](name, unit, help string, value func(*S) N) Family[S] {
	return one(prometheus.CounterValue, name, unit, help, value)
}

// Gauge is a family of one series.
func Gauge[S any, N Number](name, unit, help string, value func(*S) N) Family[S] {
	return one(prometheus.GaugeValue, name, unit, help, value)
}

func one[S any, N Number](kind prometheus.ValueType, name, unit, help string, value func(*S) N) Family[S] {
	return Family[S]{Name: name, Kind: kind, Unit: unit, Help: help, Collect: func(s *S, put Put) { put(float64(value(s))) }}
}

// Flag is a gauge that is 1 or 0.
func Flag[S any](name, help string, value func(*S) bool) Family[S] {
	return Family[S]{Name: name, Kind: prometheus.GaugeValue, Unit: UnitFlag, Help: help, Collect: func(s *S, put Put) { put(Truth(value(s))) }}
}

// UnitFlag is the unit of a metric that is 1 or 0.
const UnitFlag = "flag"

// Truth is 1 for true.
func Truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Counters is a counter with labels. Their names are separated by spaces.
func Counters[S any](name, unit, labels, help string, collect func(*S, Put)) Family[S] {
	return Family[S]{Name: name, Kind: prometheus.CounterValue, Unit: unit, Labels: strings.Fields(labels), Help: help, Collect: collect}
}

// Gauges is a gauge with labels. Their names are separated by spaces.
func Gauges[S any](name, unit, labels, help string, collect func(*S, Put)) Family[S] {
	return Family[S]{Name: name, Kind: prometheus.GaugeValue, Unit: unit, Labels: strings.Fields(labels), Help: help, Collect: collect}
}

// Reasons is a counter with a series for each of the values of an enumeration that
// lie in [from, to).
func Reasons[S any, N Number](name, unit, label, help string, from, to int, text func(int) string, counts func(*S) []N) Family[S] {
	return Counters(name, unit, label, help, func(s *S, put Put) {
		for i, n := range counts(s)[from:to] {
			put(float64(n), word(text(from+i)))
		}
	})
}

// ByReason puts a series for each key of a map, sorted. It is for [Counters].
func ByReason[S any](counts func(*S) map[string]int64) func(*S, Put) {
	return func(s *S, put Put) {
		m := counts(s)
		for _, reason := range slices.Sorted(maps.Keys(m)) {
			put(float64(m[reason]), reason)
		}
	}
}

// Each returns what puts a series for each element of a list. An element without labels has none.
func Each[N Number, S, T any](list func(*S) []T, labels func(*T) []string) func(value func(*T) N) func(*S, Put) {
	return func(value func(*T) N) func(*S, Put) {
		return func(s *S, put Put) {
			all := list(s)
			for i := range all {
				if l := labels(&all[i]); l != nil {
					put(float64(value(&all[i])), l...)
				}
			}
		}
	}
}

// States is a gauge that is 1 for the current state and 0 for the others.
func States[S any, E interface {
	comparable
	String() string
}](name, label, help string, all []E, now func(*S) E,
) Family[S] {
	return Gauges(name, UnitFlag, label, help, func(s *S, put Put) {
		for _, x := range all {
			put(Truth(x == now(s)), word(x.String()))
		}
	})
}

// Distribution is a histogram.
func Distribution[S any](name, unit, help string, value func(*S) Histogram) Family[S] {
	return Family[S]{Name: name, Unit: unit, Help: help, Histogram: value}
}

// BuildInfo is the metric PROGRAM_build_info. more are further labels: name, value, name, value.
func BuildInfo[S any](program string, more ...string) Family[S] {
	names := []string{"version", "revision", "goversion"}
	values := []string{buildinfo.Version(), buildinfo.Revision(), runtime.Version()}
	for i := 0; i+1 < len(more); i += 2 {
		names, values = append(names, more[i]), append(values, more[i+1])
	}
	return Family[S]{
		Name: program + "_build_info", Kind: prometheus.GaugeValue, Labels: names,
		Help:    "Always 1; the labels show the version, the commit, the Go version and, if any, the protocol version.",
		Collect: func(_ *S, put Put) { put(1, values...) },
	}
}

// Other is the label value for everything beyond a bounded number of label values.
const Other = "other"

// text returns a valid label value: label values are UTF-8.
func text(name string) string {
	if utf8.ValidString(name) {
		return name
	}
	return strconv.QuoteToASCII(name)
}

func word(name string) string {
	return strings.ReplaceAll(strings.ToLower(name), " ", "_")
}
