// Package filter decides which log lines are kept: by regular expression, by field, by status,
// and by sample.
//
//	rules := filter.Rules{
//		Keep: []filter.Condition{{Status: []filter.Status{{500, 599}}}},
//		Drop: []filter.Condition{{Field: filter.Path, Match: regexp.MustCompile("^/health")}},
//	}
//	f := filter.New(rules)
//	if f.Keeps(message, line) == filter.Kept { ... }
//
// # What it guarantees
//
//   - A line is kept if one of the Keep conditions holds, or there is none; and
//     if no Drop condition holds; and if it is of the sample.
//   - A sample is made by a hash of the line or of one field, not by chance: two hosts that
//     get the same lines keep the same ones, and so does the same host the next time. Sampled by
//     the client's host, all lines of a client are kept or none.
//   - Nothing is allocated for a line but by regular expressions.
//
// # What it does not
//
// A condition on a field or a status does not hold for a line that is not in the
// Common or Combined Log Format, whether it says Not or not. A message of several lines is judged by
// its first as far as fields are concerned, and as a whole by expressions.
//
// # How to debug
//
// The counters of logsub tell filtered from sampled lines.
//
// # References
//
// Package accesslog, for the fields.
package filter
