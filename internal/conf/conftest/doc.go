// Package conftest compares what is checked in about a configuration file with the struct that describes
// it (package conf): its JSON schema, and the table of keys in its page of documentation.
//
// It knows as much of JSON Schema as those schemas use.
package conftest
