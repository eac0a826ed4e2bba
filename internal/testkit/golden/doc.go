// Package golden compares what a test produces with a file that holds what it should be.
//
// With the flag -rewrite the file is written instead:
//
//	go test ./groups -rewrite && git diff groups/testdata
//
// The file is the test: read the difference before you commit it. A package that imports golden,
// or internal/testkit/script, has the flag.
package golden
