// Package logpath makes the paths of log files from what messages say:
//
//	t, err := logpath.Parse("/data/logs/%{vhost}/%Y/%m/%d/access.log")
//	path = t.Append(path[:0], logpath.Names{logpath.VHost: "www.example.com"}, at)
//
// # What a template may hold
//
//	%{group}  the group            %Y %m %d  year, month, day
//	%{vhost}  the virtual host     %H %M %S  hour, minute, second
//	%{host}   the sender's daemon  %y %j     year without century, day of the year
//	%{user}   the sender's name    %G %V     ISO 8601 year and week
//	%%        a percent sign       %F        as %Y-%m-%d
//
// # What it guarantees
//
// A name that comes from a message stays one element of the path, in the directory that the
// template says, whatever bytes it has ([AppendName]):
//
//   - Letters, digits and . - _ + , : @ = stay as they are. All else, slashes, percent signs,
//     control bytes and bytes above 0x7f among them, becomes %XX.
//   - A dot, hyphen or underscore at the start becomes %XX too: so no name is "." or "..", hidden,
//     or taken for an option.
//   - So does the last dot of a name that ends like what rotation and compression append: .gz,
//     .zst, .000001.
//   - An empty name becomes [NoName], which no other name becomes.
//   - What is longer than [MaxName] bytes, or 48 for all but virtual hosts, is cut, and 16
//     hexadecimal digits of its SHA-256 follow a '~'.
//
// So two names never share a file, but for those whose hashes collide, or on file systems that do
// not tell small letters from capital ones. A template whose elements could become longer than file
// systems take is refused.
//
// # What it does not
//
// It makes no files or directories, and does not look at links.
//
// # How to debug
//
// logsub -check prints templates; [Template.Match] tells whether a path can come from one.
//
// # References
//
// docs/spec/spreadlogd.md §11.
package logpath
