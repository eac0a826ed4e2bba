// Package weblog bundles the access logs of three web sites for the demo and
// for tests: some 6000 lines in Common and Combined Log Format, with the odd
// lines that real logs have.
//
//	for _, site := range weblog.Sites() {
//		for line := range site.Lines() { ... }
//	}
//
// # What is in them
//
// Beside ordinary traffic: IPv6 hosts, with and without brackets; quotes,
// spaces and backslashes in user agents; empty and missing referrers; URLs of
// 8 KiB; text in UTF-8 and in no encoding at all; escaped control bytes;
// requests of "-" with status 408, and of nothing; HTTP/0.9; methods beyond GET
// and POST; sizes over 4 GiB; user names with spaces. Lines of one site are
// nearly in order of their time, as in real logs.
//
// # What is not
//
// Anybody's traffic. The logs are made from a constant seed by demo/genlog,
// and hosts are of the ranges kept free for documentation. They are the same
// in every build; a test of genlog makes them again and compares.
//
// # Limits
//
// The compressed logs are at most 400 KB of every program that imports this
// package. Each call of [Site.Log] or [Site.Lines] decompresses anew.
package weblog
