// Package freeport finds ports on the loopback for daemons that run beside each other on
// one host, in demonstrations and tests.
//
// It does not keep a port: between its answer and its use somebody else may take it.
package freeport
