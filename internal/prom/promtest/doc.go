// Package promtest tests the metrics of a program: it serves them, takes a scrape apart, holds
// names against the rules of Prometheus, and compares docs/operate/metrics.md with what is served.
//
// A program's test makes its metrics as the program does, gives them to [Serve], and hands the
// [Page] of [Scrape] to [Lint] and [CheckDocs]. With -rewrite, CheckDocs writes its part of the
// page. [CheckExpressions] is for the page's examples and rules.
//
// It does not evaluate expressions: whether an alert fires when it should is not tested.
package promtest
