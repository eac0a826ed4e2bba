// Package logproto is the codec of the control messages that publishers and log hosts exchange in log groups: ask, ack and hello.
//
//	publisher ── lines, ask ──▶ log group ──▶ log hosts
//	publisher ◀── ack ── private group of its connection ── log hosts
//	log host  ── hello ──▶ log group ──▶ other log hosts
//
// docs/spec/log-protocol.md has the bytes, and who sends what when.
//
// # What it does not
//
// It sends nothing and keeps no state: logpub and logsub do that. It checks that a message is well formed, not that it is
// true.
//
// # Limits
//
// A message has at most [MaxEpochs], [MaxStreams], [MaxReceipts] and [MaxSpans] of each, so that a decoded message takes a
// bounded multiple of its bytes. Bytes behind the last field that this version knows are ignored.
package logproto
