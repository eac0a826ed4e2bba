// Package recording is what spuser writes for programs: events as lines of JSON, recordings of
// groups, and their comparison.
//
//	w := recording.NewEncoder(file)
//	w.Write(recording.Header("logs"))
//	w.Write(recording.Of(event))
//	...
//	a, err := recording.Read(file)
//	result := recording.Compare(a, b)
//
// # Format
//
// A recording is a text file with one JSON object on each line, an [Event]. The first line is an
// event "recording" with the version of the format and the groups. The others are events in the
// order in which the daemon delivered them: "connected", "membership", "message", "rejected",
// "notice", "unknown", "disconnected", "error" and "slow". So the output of spuser tail -json and of
// spuser -json is a recording too, without its first line. Readers ignore fields and events that they
// do not know.
//
// # What Compare guarantees
//
// All members of a view receive the same messages in the same order, so two recordings agree from the
// first view that both have. [Compare] looks at nothing before that view, and at nothing behind the
// end of the shorter recording. It follows a split of the network and a lost connection to the next
// view that both have.
//
// # Limits
//
// A line has at most 16 MiB. A recording is read into memory whole.
package recording
