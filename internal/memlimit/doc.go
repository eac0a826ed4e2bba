// Package memlimit finds out how much memory this process may use: the least of the machine's
// memory and the limits of its control groups.
//
// # What it does not
//
// It does not know limits of other kinds, such as ulimit -v or GOMEMLIMIT, and elsewhere than on
// Linux it knows nothing. The result is that of the moment of the call.
package memlimit
