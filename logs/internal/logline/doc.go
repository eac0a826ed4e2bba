// Package logline knows the lines that web servers log: it rewrites the time
// in them, and takes them apart.
//
// # Rewriting
//
// A [Rewriter] gives lines the time of their receipt, so that a file that is
// merged from many hosts never goes backwards (spreadlogd §9):
//
//	rw := accesslog.NewRewriter(accesslog.CommonLog())
//	buf = rw.Append(buf[:0], line, time.Now())
//
// It finds the first '[' and the next ']' behind it, whatever stands between,
// as spreadlogd does. A '[' that is not the time's, such as that of an IPv6
// address in front of it, is taken by mistake. For [CommonLog] that allocates
// nothing in steady state, since a time is rendered once a second; nor does
// [Strftime], but at each new second.
//
// # Taking apart
//
// [Fields.Parse] reads the Common and the Combined Log Format, with whatever
// fields follow. The fields point into the line; nothing is allocated, be the
// line good or bad. [CutVHost] takes off the virtual host that some formats put
// in front.
//
// # What it guarantees
//
//   - No input panics. Months and days are English, whatever the locale.
//   - Fields that Parse returns are parts of the line, in its order.
//
// # What it does not
//
// Escapes such as \" and \x16, which servers write for quotes and control
// bytes, stay as they are. Times are not parsed or checked, nor are methods,
// status codes beyond being three digits, or the encoding of text. Other
// formats, such as JSON, are not read.
//
// # How to debug
//
// An error of Parse names the field that did not fit.
//
// # References
//
// docs/spec/spreadlogd.md §9; docs/spec/mod_log_spread.md §2.1; strftime as in
// github.com/ncruces/go-strftime.
package logline
