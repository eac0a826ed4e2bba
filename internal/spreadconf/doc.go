// Package spreadconf reads spread.conf, the configuration of a Spread daemon, exactly as the C
// daemon 5.0.1 does, with better error messages. It also reads the two access files,
// spread.access_ip and spread.access_pword.
//
// # Duties of the caller
//
// Parsing depends on the host: daemons without an address are looked up, and IPv6 zones are names
// of interfaces. All of that goes through an [Environment]: [SystemEnvironment] in programs,
// anything in tests. The zero Environment can look up nothing.
//
// A daemon calls Load, Self and EffectiveTimeouts, in this order, and logs [Config].Warnings. A
// check mode prints [Config].Advice too, which Describe does.
//
// # Guarantees
//
//   - A file that the C daemon accepts gives the same ring here: the same daemons in the same
//     order, with the same ids, and the same hash. Files that are refused only here are listed
//     below.
//   - Every error in a file is an [*Error] with file, line, column, the offending text and a [Code]
//     that programs can rely on. Lines and columns count from 1, columns in bytes.
//   - A parse has no side effects, and no input makes it panic. A failed parse returns no
//     configuration, so a daemon can keep its current one.
//   - A Config does not change after Parse has returned, so it may be shared.
//
// # Non-goals
//
//   - A parse stops at the first error.
//   - No socket is kept, no log file opened, no user looked up.
//   - Whether the other daemons' addresses exist is not checked.
//   - The password hashes of spread.access_pword are kept, not verified.
//
// # Deliberate differences from the C daemon
//
//   - Windows above 32767 are refused: the C daemon keeps 16 bits of them.
//   - A segment without daemons is refused: the C daemon aborts on it later.
//   - An empty EventLogFile and NUL bytes outside comments are refused.
//   - PWORD is a known authentication method.
//   - Text that looks like an address is never looked up as a name: resolvers disagree on whether
//     127.0.0.01 is octal.
//   - In spread.access_ip, "unix" has its effect, IPv6 and empty lines work, and networks need not
//     be masked; a malformed file is refused.
//
// # Limits
//
// Those of spread-conf §12, as constants. [Load] refuses files over 1 MiB.
//
// # How to debug
//
// "spreadd -check -c FILE" prints what [Describe] does. When two daemons do not see each other,
// compare their [Config.HashTextFor]: the hash only shows that they differ.
//
// # References
//
// docs/spec/spread-conf.md for the language, docs/spec/daemon-operations.md §2 for the search,
// docs/spec/client-protocol.md §4 for the access files.
package spreadconf
