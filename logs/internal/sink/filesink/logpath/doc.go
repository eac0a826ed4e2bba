// Package logpath makes the paths of log files from names in messages and from times:
//
//	t, err := logpath.Parse("/data/logs/%{vhost}/%Y/%m/%d/access.log")
//	path = t.Append(path[:0], &logpath.Names{logpath.VHost: "www.example.com"}, at)
//
// # Templates
//
//	%{group}  the group            %Y %m %d  year, month, day
//	%{vhost}  the virtual host     %H %M %S  hour, minute, second
//	%{host}   the sender's daemon  %y %j     year without century, day of the year
//	%{user}   the sender's name    %G %V     ISO 8601 year and week
//	%%        a percent sign       %F        as %Y-%m-%d
//
// # Guarantees
//
// A name from a message stays one element of the path, in the directory that the template says,
// whatever bytes it contains ([AppendName]):
//
//   - Letters, digits and . - _ + , : @ = stay as they are. All other bytes, including slashes,
//     percent signs, control bytes and bytes above 0x7f, become %XX.
//   - A dot, hyphen or underscore at the start becomes %XX, too. So no name is "." or "..", hidden,
//     or mistaken for an option.
//   - So does the last dot of a name that ends like what rotation and compression append: .gz,
//     .zst, .000001.
//   - An empty name becomes [NoName]; no other name does.
//   - A name longer than [MaxName] bytes, or 48 for all but virtual hosts, is truncated; '~' and 16
//     hexadecimal digits of its SHA-256 follow.
//
// So two names never share a file, unless their hashes collide or the file system does not
// distinguish lower case from upper case. A template whose elements could become too long for file
// systems is rejected.
//
// # Limits
//
// The package makes no files or directories, and does not follow links.
//
// # How to debug
//
// logsub -check prints templates; [Template.Match] reports whether a path can come from one.
//
// # References
//
// docs/spec/spreadlogd.md §11.
package logpath
