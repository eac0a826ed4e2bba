// Package tomlconftest compares what is checked in about a configuration file with the struct that
// describes it (package tomlconf): its JSON schema, and the table of keys in its page of
// documentation.
//
// It knows as much of JSON Schema as those schemas use.
package tomlconftest
