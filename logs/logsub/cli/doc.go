// Package cli is the command line of logsub: flags, configuration file, metrics and signals. It is not an API.
package cli
