// Package flags describes the command line of a program once: names, placeholders, defaults, help
// and examples. Parsing, the text of -h, the tables of docs/flags.md, man pages and completion come
// from that description.
//
//	s := flags.New(flags.Program{Name: "logpub", Usage: []string{"[-s ADDRESS] -g GROUP"}, About: "..."})
//	s.Group("Connection")
//	s.String(&o.address, "s", "ADDRESS", "daemon to connect to: PORT for this host, or PORT@HOST")
//	s.Bool(&o.check, "check", "check the configuration and exit")
//	if err := s.Parse(args); err != nil {
//		return s.Answer(err, stdout, stderr)
//	}
//
// # What it guarantees
//
//   - Parsing is that of the standard package flag: -name value, -name=value, one or two dashes.
//   - Every program takes -h, -help, -version and -V. Their output goes to standard output. So does
//     that of -describe, which is not shown: the [Set] in JSON, from which deploy/release makes man
//     pages and completion.
//   - A wrong command line costs one line on standard error, which an error log of a web server
//     can hold, and the status [Misuse].
//   - With [Streams], a log that nobody reads ends no program, and results that nobody reads any
//     more end it quietly, with the status [BrokenPipe].
//
// # Conventions
//
// Names are separated by spaces. The first one is shown; the others are old spellings, which stay
// valid and are not shown. A placeholder is in capitals (FILE, DIR, ADDRESS), or lists all valid
// words (gzip|zstd). One that ends in "..." marks a flag that may be repeated.
//
// # Commands
//
// A program with commands adds a [Set] for each to Commands, named "spuser tail", and looks its first
// argument up with [Set.Command]. [Set.Args] is where arguments go that are no flags. Help lists the
// commands by the first sentence of their About.
//
// Why this is not a library: docs/develop/adr/0007-one-description-of-flags.md.
package flags
