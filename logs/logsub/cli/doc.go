// Package cli is the command line of logsub: flags, configuration file, metrics and signals. It is
// not an API. flags.go describes the flags, main.go runs the program.
package cli
