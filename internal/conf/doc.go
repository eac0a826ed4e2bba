// Package conf has what configuration files and flags have in common: [Error], [Errors] and
// [Warning], with their places, as all parsers report mistakes; [Cursor], which moves through the
// text of a file; [Suggest], the guess which word was meant; [Size] and [Duration], values with
// units; and [Mode], permissions.
//
// Package tomlconf below it reads files in TOML. spreadconf and spreadlogdconf read those of Spread
// and spreadlogd.
package conf
