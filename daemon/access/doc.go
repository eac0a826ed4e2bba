// Package access decides what a client of a daemon may do, by a table of rules: which private names it
// may use, which groups it may join and send to, and whether it may monitor.
//
// [Rules.Of] returns the [Rights] of a client: what all rules together allow that match it. A table
// without rules allows everything. The package has no input or output.
package access
