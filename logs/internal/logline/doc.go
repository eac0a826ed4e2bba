// Package logline knows what a log line of a web server is: its parts, its time, its virtual host.
// It filters and rewrites lines.
//
// # Parsing
//
// [Fields.Parse] reads the Common and the Combined Log Format, with whatever fields follow. The
// fields point into the line; nothing is allocated, whether the line is good or bad. [Time] reads
// just the time.
//
// # Virtual hosts
//
// [CutVHost] cuts off the virtual host that some formats put in front. [AppendVHost] is the one
// normal form of its name. [VHostWord] is what logpub and logsub can do with the first word of a
// line.
//
// # Times
//
// A [Timer] returns the time of each line of a log by one of three clocks ([Clock]). A [Rewriter]
// writes a time into lines, so that a file that is merged from many hosts never goes backwards
// (spreadlogd §9):
//
//	rw := logline.NewRewriter(logline.CommonLog())
//	buf = rw.Append(buf[:0], line, time.Now())
//
// It replaces the first '[', the next ']' and everything between, as spreadlogd does. A '[' in
// front of the time, such as that of an IPv6 address, is mistaken for it. In steady state
// [CommonLog] allocates nothing, because a time is rendered once a second; [Strftime] allocates
// once a second.
//
// # Filtering
//
// A [Filter] applies [Rules]: regular expressions, fields, status codes, a sample.
//
//	f := logline.NewFilter(logline.Rules{
//		Keep: []logline.Condition{{Status: []logline.Status{{500, 599}}}},
//		Drop: []logline.Condition{{Field: logline.FieldPath, Match: regexp.MustCompile("^/health")}},
//	})
//	if f.Judge(message, line) == logline.Kept { ... }
//
// # Guarantees
//
//   - No input panics. Months and days are English, whatever the locale.
//   - Fields that Parse returns are parts of the line, in its order.
//   - A sample depends on a hash of the line or of one field, not on chance: two hosts that receive
//     the same lines keep the same ones, and so does one host the next time. A sample by client
//     host keeps all lines of a client or none.
//   - Filtering allocates nothing except in regular expressions.
//
// # Limits
//
// Escapes such as \" and \x16, which servers write for quotes and control bytes, stay as they are.
// Parse does not check times, methods, the encoding of text, or status codes beyond their three
// digits. Other formats, such as JSON, are not read. A condition on a field or a status never holds
// for a line that cannot be parsed, whether or not it says Not. A message of several lines is
// judged by the fields of its first line, and as a whole by expressions.
//
// # How to debug
//
// An error of Parse names the field that does not fit. logsub counts filtered and sampled lines
// apart.
//
// # References
//
// docs/spec/spreadlogd.md §9; docs/spec/mod_log_spread.md §2.1; strftime as in
// github.com/ncruces/go-strftime.
package logline
