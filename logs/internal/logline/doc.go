// Package logline knows what a log line of a web server is: its parts, its time, its virtual host.
// It filters and rewrites lines.
//
// # Formats
//
// [Fields.Parse] reads the Common and the Combined Log Format with whatever fields follow, the HTTP
// format of HAProxy, and JSON with the keys of Caddy, nginx, Traefik and similar servers (the table
// is jsonLine.field). The fields point into the line, or into memory that the next Parse uses
// again; nothing is allocated, whether the line is good or bad.
//
// # Virtual hosts
//
// [CutVHost] cuts off the virtual host that some formats put in front. [Fields.SplitVHost] takes
// any first word for one, unless an access log line begins there. [AppendVHost] is the one normal
// form of its name. [VHostWord] is what logpub and logsub can do with the first word of a line.
//
// # Times
//
// [FindTime] finds the time of a line: the first that is where its format has it. Clients write
// requests, user agents and user names, so a time in these must never count:
//
//	h - USER [time] "request"      in front of the first quote without a backslash; a client cannot write one
//	{"ts":1646861401.5, ...}       a member of the outermost object with a usual key (isTimeKey)
//	client:port [time] ...         HAProxy, with or without a syslog header
//	[time] ...                     other text: the first in brackets, in front of quotes and of words with a slash
//
// A [Timer] returns the time of each line of a log by one of three clocks ([Clock]). A [Rewriter]
// writes a time into lines, so that a file that is merged from many hosts never goes backwards
// (spreadlogd §9):
//
//	rw := logline.NewRewriter(logline.CommonLog())
//	stamp := logline.FindTime(line)
//	buf = rw.Append(buf[:0], line, &stamp, time.Now())
//
// It replaces the time that FindTime found and its brackets, where spreadlogd takes the first '['.
// In JSON the new value has the notation of the old one. In steady state [CommonLog] allocates
// nothing, because a time is rendered once a second; [Strftime] allocates once a second.
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
//   - Fields that Parse returns are parts of the line; of JSON, they are unescaped.
//   - What a client sends in quotes, or as a user of an access log, does not decide the time of its
//     line (FuzzTime).
//   - A sample depends on a hash of the line or of one field, not on chance: two hosts that receive
//     the same lines keep the same ones, and so does one host the next time. A sample by client
//     host keeps all lines of a client or none.
//   - Filtering allocates nothing except in regular expressions.
//
// # Limits
//
// Escapes such as \" and \x16, which servers write for quotes and control bytes, stay as they are,
// except in JSON. Parse does not check times, methods, the encoding of text, or status codes beyond
// their three digits. A condition on a field or a status never holds for a line in which that cannot
// be read, whether or not it says Not. A message of several lines is judged by the fields of its
// first line, and as a whole by expressions; its time is that of the first line. JSON is skipped
// rather than checked where no field is expected.
//
// # How to debug
//
// An error of Parse names the field that does not fit. logsub counts filtered and sampled lines
// apart.
//
// # References
//
// docs/spec/spreadlogd.md §9; docs/spec/mod_log_spread.md §2.1; strftime as in
// github.com/ncruces/go-strftime; HAProxy's configuration manual, section 8.2.
package logline
