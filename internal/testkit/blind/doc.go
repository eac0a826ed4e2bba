// Package blind runs fuzz targets in process, without coverage, on many more inputs than Go's fuzz
// engine reaches in the same time.
//
//	go test ./wire -run '^FuzzHeader$' -blind 100000000
//
// Inputs are mutations of the target's seeds, of its testdata/fuzz and, with -blind-corpus, of the
// engine's cache. The flag -blind-seed determines them. A failing input is written to testdata/fuzz,
// as the engine does. Without the flag -blind, [Fuzz] is [testing.F.Fuzz].
package blind
