// Package client connects spuser to a daemon: once ([Options.Dial]), or with a connection that comes
// back ([DialLasting]).
//
// The first attempt must succeed, so that a wrong address is an error at once. Later ones go on until
// one succeeds. [Explain] says why a connection failed, and what to look at.
package client
