package script

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/testkit/golden"
)

// Interpreter runs the commands of one file.
type Interpreter interface {
	// Run carries out one command line and returns what is to be seen of
	// it, lines ending in newlines, or nothing.
	Run(line string) (string, error)
}

// RunFiles runs each file that matches glob with an interpreter of its own.
func RunFiles(t *testing.T, glob string, start func(t *testing.T) Interpreter) {
	t.Helper()
	files, err := filepath.Glob(glob)
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts match %s (%v)", glob, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)), func(t *testing.T) {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Replay(string(src), start(t))
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			golden.File(t, file, got)
		})
	}
}

// separator stands between the commands of a block and their output.
const separator = "----"

// Replay runs a script and returns it with the output that the interpreter
// gives.
func Replay(src string, in Interpreter) (string, error) {
	var out strings.Builder
	var output strings.Builder
	lines := strings.Split(src, "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		out.WriteString(line)
		if i < len(lines)-1 {
			out.WriteByte('\n')
		}
		switch {
		case strings.HasPrefix(line, "#"), strings.TrimSpace(line) == "":
		case line == separator:
			if output.Len() == 0 {
				output.WriteString("ok\n")
			}
			out.WriteString(output.String())
			output.Reset()
			for i+1 < len(lines) && lines[i+1] != "" {
				i++ // what was expected
			}
		default:
			s, err := in.Run(line)
			if err != nil {
				return "", fmt.Errorf("line %d: %q: %w", i+1, line, err)
			}
			output.WriteString(s)
		}
	}
	if output.Len() > 0 {
		return "", fmt.Errorf("the last commands have no %q line behind them", separator)
	}
	return out.String(), nil
}
