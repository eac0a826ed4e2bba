// Package perlsink hands messages to functions of Perl modules that were written for spreadlogd, which had an
// interpreter in it: PerlLib, PerlUse, PerlLog and PerlHup of spreadlogd.conf.
//
//	h, err := perllog.Start(perllog.Config{
//		Load:      []perllog.Step{{Lib: "/opt/spreadlogd/custom"}, {Use: "mylogger"}},
//		Functions: []string{"mylogger::log"},
//	})
//	...
//	h.Put(0, "#ap123#web1", "coolsite", line)
//
// # How it runs
//
// One process runs perl with a script of ours (helper.pl, which is in the program), loads the modules
// and calls a function for each frame that it reads:
//
//	Put ──▶ queue (bounded) ──▶ pipe ──▶ helper ──▶ mylogger::log(sender, group, message)
//	             ▲                         │
//	             └──── a byte for each ────┘
//
// frame.go has the frames and the answers. What is answered leaves the queue; so it is known at each
// moment what has been done, what is on its way and what waits.
//
// # What a module finds
//
// What it found in spreadlogd (spreadlogd §15): directories and modules are loaded in their order, in package main;
// a function is called in scalar context with sender ("#name#daemon"), group and message, whose newline is left in place and which
// ends at a NUL byte; what it returns is ignored. Functions for HUP are called without arguments, once at the start,
// after the modules were loaded, and by [Helper.Hup]. There is one interpreter for all functions,
// and they are called one after another. Standard input is empty, SIGPIPE is ignored.
//
// # What it guarantees
//
//   - Put never waits. When the queue is full it says so, and the message is not taken.
//   - Messages are handed on in their order, and none twice.
//   - A function that dies, or calls exit, or crashes the interpreter, costs the message that it was called for, which is
//     counted, and no other: the helper is started anew, after 100 ms at first and 30 s at
//     most, and gets what the one before had not begun with.
//   - Whatever modules print is told line by line, 20 lines in 10 s at most; the rest is counted.
//   - Of what was put it is known what is done with ([Helper.Handled], [Helper.Drain]), so that who has the messages on disk
//     can keep the rest there ([Helper.Stop]).
//   - No process is left behind by Close, nor when this process is killed: then the helper finds
//     the end of its input.
//
// # What it does not
//
// A function that does not return is not interrupted: it is told of, and its messages wait until there is no
// room for more. A message that a function was called for when the helper ended may have been worked off, wholly
// or in part; it is not handed on again, since it may be the reason. What waits in memory is lost with this process.
//
// # Limits
//
// [Config.QueueBytes], 64 MiB, for all messages that are not worked off. 30 s for loading modules, at the start.
// [Config.EndWait], 5 s, for working off what waits at the end, and twice that again for a helper that does not end.
//
// # How to debug
//
// [Config.OnEvent] is told of each end and start, [Config.Output] what modules say, and [Helper.Stats]
// has the counters. The process is called "logsub: perl".
//
// # References
//
// docs/spec/spreadlogd.md §5, §6, §15; perlfunc.
package perlsink
