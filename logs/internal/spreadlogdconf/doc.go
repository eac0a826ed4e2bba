// Package spreadlogdconf reads spreadlogd.conf, the configuration file of the log writer spreadlogd
// 2.0.1, so that its users can move to logsub without touching it.
//
//	conf, err := spreadlogdconf.Parse("spreadlogd.conf", src)
//
// # Guarantees
//
//   - Every file that spreadlogd accepts and does not crash on is accepted and means the same, but
//     for what docs/spec/spreadlogd.md marks as a defect: several Log blocks for one group all
//     count, and so do several Spread blocks for one daemon; a quoted "CommonLogFormat" is the
//     keyword; Match works beside VhostDir.
//   - More is accepted than spreadlogd does: directives in any order, '=' with or without white
//     space around it, '=' with every directive or with none, keywords as values.
//   - Every value knows its place. Errors name file, line and column (from 1; columns count bytes)
//     and what was expected there.
//   - [Config.Warnings] lists what spreadlogd reads differently from what the file seems to say.
//   - No input panics or takes more memory than a small multiple of its size.
//
// # Non-goals
//
// It opens no file, and does not decide what can be run: Perl, Python and C module directives,
// pipes and the rest are parsed into the configuration, and [Config.Handlers] lists those that call
// foreign code. Whether a group name or a daemon's address is legal is for the caller to say.
//
// # Regular expressions
//
// Match takes egrep's syntax. It is translated to that of package regexp: backslashes in brackets
// are ordinary characters, \< and \> are \b, and ^ and $ match at each line. Back references, which
// egrep has and package regexp cannot have, are errors.
//
// # How to debug
//
// [Config.String] prints a configuration as it was understood, in the file's own language; logsub
// -check shows it.
//
// # References
//
// docs/spec/spreadlogd.md, §3 (lexer), §4 (grammar), §5 (directives), §9 (RewriteTimestamp), §10
// (Match).
package spreadlogdconf
