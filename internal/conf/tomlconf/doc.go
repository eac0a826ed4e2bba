// Package tomlconf reads configuration files in TOML into structs, by the tags of their fields, and
// reports all mistakes. [Read] reads a file and [Format] writes it back; [Schema], [Keys] and
// [KeyTable] describe it to editors and to people. spreadd, logpub and logsub use it.
//
// # How a struct describes a file
//
//	type File struct {
//		Daemon string    `toml:"daemon" default:"4803" help:"address of the daemon"`
//		Queue  conf.Size `toml:"queue" min:"64KiB" default:"16MiB" old:"queue_bytes" help:"memory for waiting lines"`
//		Spool  spool     `toml:"spool" help:"lines that wait on disk"`
//		Logs   []log     `toml:"log" required:"true" help:"a log"`
//	}
//
// The tags are:
//
//   - toml: the key; a field without it is not part of the file.
//   - help: what the key is for, as a sentence without its capital and its full stop.
//   - default: the value without the key, as in the file; otherwise the zero value.
//   - min, max: bounds of a number, a size or a duration.
//   - enum: the words that are allowed, separated by commas.
//   - required: the key must be given.
//   - either: another key, one of which and this one is given; a [Checker] refuses both and none.
//   - inline: a list of tables is written in brackets instead of below headings.
//   - old: former names of the key, separated by spaces. "a=b" in the tag of a table says that what
//     was a beside the table is now b in it.
//   - oldfalse, oldtrue: what false and true meant under a former name that took these; empty means
//     the default of today.
//
// A field is a string, bool, int, int16, int64, float64, [conf.Size], [conf.Duration] or
// encoding.TextUnmarshaler; a list of them; a struct, a pointer to one, a list of them; or a map of
// strings. A single value stands for a list of one. A struct may be a [Checker].
//
// # Guarantees
//
//   - A key that the struct does not have is an error.
//   - Every error names file, line and column (from 1; columns count bytes). All errors are
//     reported at once, in the order of the file. Only a mistake in the grammar comes alone,
//     because what follows it cannot be read.
//   - A former name works as it did, and its warning names the new one. Under a former name zero
//     means the default, and a negative duration means zero.
//   - No input panics.
//   - [Read] reads what [Format] has written as the same values.
//
// # References
//
// TOML 1.0, https://toml.io/en/v1.0.0; the grammar is github.com/BurntSushi/toml's. JSON Schema,
// draft 7, https://json-schema.org.
package tomlconf
