// Package settings reads spreadd.toml, which has the settings of this daemon that spread.conf, the
// file of the C daemon, has no place for.
//
// [Load] reads it. A flag of spreadd wins over the key that says the same. docs/operate/settings.md
// lists the keys; the tags of [Settings] are their one description.
package settings
