// Package show turns what spuser receives into text: an event as a line ([Printer]), payloads as
// text, hex or JSON, in color where that is wanted, and bytes from strangers so that they cannot
// control a terminal ([Visible], [Name]).
//
// # What it guarantees
//
// Everything from the network passes through [Visible] or [Name] before it gets here into a line. A
// name or payload cannot forge another line: what is not printable is escaped, and further lines of a
// payload are indented.
package show
