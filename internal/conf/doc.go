// Package conf reads configuration files in TOML as people write them: with
// mistakes, about which they want to know all, and where.
//
//	doc, err := tomlconf.Parse("logsub.toml", src)
//	...
//	c.Address = doc.String("daemon", "4803")
//	for _, t := range doc.Tables("log") {
//		c.Logs = append(c.Logs, Log{Group: t.String("group", "")})
//	}
//	return c, doc.Err()
//
// # What it guarantees
//
//   - A key that nobody asked for is an error, with the known key that it resembles.
//   - Every error names file, line and column (from 1; columns count bytes), and all
//     errors are reported at once, in the order of the file; but a mistake in the grammar is the only
//     one, as what follows it cannot be read.
//   - No input panics.
//
// # What it does not
//
// It writes no files, but for [Quote]. Where a file sets a key and where it does not is told
// by [Table.Has]; values are otherwise those that the caller gives as default.
//
// # References
//
// TOML 1.0, https://toml.io/en/v1.0.0; the grammar is github.com/BurntSushi/toml's.
package conf
