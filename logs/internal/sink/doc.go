// Package sink defines where log lines end up. logsub has four kinds of sinks, each in a package of
// its own:
//
//	filesink     all log files together
//	commandsink  the standard input of a command
//	sqlsink      a table of a database
//	perlsink     all Perl functions
//
// Each sink has one writer, a goroutine that calls the methods of [Sink]. Files are written by the
// writer itself. The other three can be slow or away for hours, so that their lines pass one queue
// (package queue: memory, then disk, then counted loss), from which a goroutine delivers them in
// batches. [Queued] is that queue and goroutine; what differs between the three is a [Deliverer].
//
//	                     ┌▶ filesink.Files ──▶ files
//	writer ──▶ Sink.Put ─┤
//	                     └▶ Queued ──▶ queue ──▶ Deliverer: command, table, Perl
//
// # Guarantees
//
//   - A sink that is slow or failing delays no other sink, and loses only its own lines.
//   - A queued line is delivered at least once; with sqlsink's position table, exactly once.
//   - Each sink counts its own lines and losses ([Stats]); no count is reported under another
//     sink's name.
package sink
