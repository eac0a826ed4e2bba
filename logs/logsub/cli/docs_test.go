package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shellWords splits a command as a shell does that knows quotes, comments and redirections.
func shellWords(line string) (words []string) {
	word, quoted, begun := "", false, false
	for _, c := range line + " " {
		switch {
		case c == '\'':
			quoted, begun = !quoted, true
		case quoted || c != ' ' && c != '#' && c != '>':
			word += string(c)
			begun = true
		case c == ' ' && begun:
			words, word, begun = append(words, word), "", false
		case c == '#' && !begun, c == '>':
			return words
		case c != ' ':
			word += string(c)
		}
	}
	return words
}

// TestDocumentedCommands: each command line of logsub that docs/logs/logsub.md shows is one.
func TestDocumentedCommands(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "logs", "logsub.md"))
	if err != nil {
		t.Fatal(err)
	}
	commands := 0
	for i, block := range strings.Split(string(b), "```") {
		script, ok := strings.CutPrefix(block, "sh\n")
		if i%2 == 0 || !ok {
			continue
		}
		for line := range strings.Lines(strings.ReplaceAll(script, "\\\n", " ")) {
			words := shellWords(strings.TrimSpace(line))
			if len(words) == 0 || words[0] != "logsub" {
				continue
			}
			commands++
			if _, err := parse(words[1:]); err != nil {
				t.Errorf("%q: %v", words, err)
			}
		}
	}
	if commands < 8 {
		t.Errorf("only %d commands", commands)
	}
}
