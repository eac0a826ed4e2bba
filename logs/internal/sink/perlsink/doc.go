// Package perlsink calls functions of Perl modules that were written for spreadlogd, which had an
// interpreter in it: PerlLib, PerlUse, PerlLog and PerlHup of spreadlogd.conf.
//
//	s, err := perlsink.Start(perlsink.Config{
//		Load:      []perlsink.Step{{Lib: "/opt/spreadlogd/custom"}, {Use: "mylogger"}},
//		Functions: []string{"mylogger::log"},
//	})
//	...
//	err = s.Deliver(ctx, batch) // calls the function of each line
//
// # How it runs
//
// One process runs perl with a script (helper.pl, embedded in the program). It loads the modules
// and calls a function for each frame that it reads:
//
//	Deliver ──▶ pipe ──▶ helper.pl ──▶ mylogger::log(sender, group, message)
//	   ▲                     │
//	   └─ one byte for each ─┘
//
// frame.go defines the frames and the answers. Deliver acknowledges a line when its answer has
// come, so lines wait only in the queue of the sink (package sink).
//
// # What a module finds
//
// The same as in spreadlogd (spreadlogd §15). Directories and modules are loaded in their order, in
// package main. A function is called in scalar context with sender ("#name#daemon"), group and
// message; the message keeps its newline and ends at its first NUL byte. The result is ignored.
// Functions for HUP are called without arguments, once after the modules were loaded, and on
// [Sink.Reopen]. One interpreter runs all functions, one after another. Standard input is empty,
// SIGPIPE is ignored.
//
// # Guarantees
//
//   - Messages are delivered in order, and none twice.
//   - A function that dies, calls exit, or crashes the interpreter costs the message that it was
//     called for, which is counted, and no other: perl is started again, after 100 ms at first and
//     30 s at most, and receives the messages that the previous process had not begun.
//   - What modules print is logged line by line, up to 20 lines in 10 s; the rest is counted.
//   - No process is left behind by Close, nor when this process is killed: then perl finds the end
//     of its input.
//
// # Limits
//
// A function that does not return is reported, not interrupted; meanwhile its messages wait in the
// queue. A message that was under way when perl ended may have been processed wholly or in part. It
// is not delivered again, because it may be the reason. Loading modules may take 30 s at the start.
//
// # How to debug
//
// [Config.OnEvent] reports each end and start, [Config.Output] what modules print, and
// [Sink.PerlStats] has the counters. The process is called "logsub: perl".
//
// # References
//
// docs/spec/spreadlogd.md §5, §6, §15; perlfunc.
package perlsink
