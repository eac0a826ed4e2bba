package main

import (
	"testing"

	"github.com/spreadd/spreadd/internal/testkit/golden"
)

// TestBoards: the boards are those that the program writes.
func TestBoards(t *testing.T) {
	for name, b := range map[string]board{"ring.json": ring(), "logs.json": logs()} {
		text, err := b.render()
		if err != nil {
			t.Fatal(err)
		}
		golden.File(t, name, string(text))
	}
}
