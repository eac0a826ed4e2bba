package spuser

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
)

// maxHistory is how many lines are kept, in memory and, but for the surplus
// of a session, in the file.
const maxHistory = 500

// HistoryFile returns where the history of commands belongs:
// spuser/history in $XDG_STATE_HOME or else in ~/.local/state. It is empty if
// there is no home directory.
func HistoryFile() string {
	dir := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(dir) { // to be ignored, as the XDG specification has it
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		dir = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(dir, "spuser", "history")
}

// history implements [golang.org/x/term.History]. Whatever fails with its file
// is passed over: nobody types a command to hear of its history.
type history struct {
	file  string   // or empty
	lines []string // the newest last
	keep  bool     // the lines that come are to be kept in the file
}

func openHistory(file string) *history {
	h := &history{file: file}
	if file == "" {
		return h
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return h
	}
	lines := 0
	for line := range strings.Lines(string(text)) {
		lines++
		h.remember(strings.TrimSuffix(line, "\n"))
	}
	if lines > 2*maxHistory {
		shorter := file + ".new"
		if os.WriteFile(shorter, []byte(strings.Join(h.lines, "\n")+"\n"), 0o600) == nil {
			_ = os.Rename(shorter, file)
		}
	}
	return h
}

// remember keeps a line in memory, unless it is empty, the last one again, or
// such as cannot have been typed. It reports whether it did.
func (h *history) remember(line string) bool {
	if strings.TrimSpace(line) == "" || strings.ContainsFunc(line, unicode.IsControl) ||
		len(h.lines) > 0 && h.lines[len(h.lines)-1] == line {
		return false
	}
	h.lines = append(h.lines, line)
	h.lines = slices.Delete(h.lines, 0, max(0, len(h.lines)-maxHistory))
	return true
}

// Add takes a line that was typed.
func (h *history) Add(line string) {
	if !h.remember(line) || !h.keep || h.file == "" {
		return
	}
	if os.MkdirAll(filepath.Dir(h.file), 0o700) != nil {
		return
	}
	f, err := os.OpenFile(h.file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	_, _ = f.WriteString(line + "\n")
	_ = f.Close()
}

// Len returns how many lines there are.
func (h *history) Len() int { return len(h.lines) }

// At returns a line; 0 is the newest.
func (h *history) At(i int) string { return h.lines[len(h.lines)-1-i] }
