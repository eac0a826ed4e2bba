// Package cli is the command line of logpub: flags, configuration file, metrics and signals. It is not an API.
package cli
