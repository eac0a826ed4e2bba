package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
)

// maxHistory is the number of lines that are kept in memory, and in the file except for those that
// a session adds.
const maxHistory = 500

// historyFile returns the path of the history: spuser/history in $XDG_STATE_HOME, otherwise in
// ~/.local/state. It is empty if there is no home directory.
func historyFile() string {
	dir := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(dir) { // the XDG specification says to ignore it
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		dir = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(dir, "spuser", "history")
}

// history implements [golang.org/x/term.History]. Errors of its file are ignored: a user who types
// a command does not care about them.
type history struct {
	file  string   // or empty
	lines []string // the newest last
	keep  bool     // append new lines to the file
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

// remember keeps a line in memory unless it is empty, repeats the last one, or cannot have been
// typed. It reports whether it kept the line.
func (h *history) remember(line string) bool {
	if strings.TrimSpace(line) == "" || strings.ContainsFunc(line, unicode.IsControl) ||
		len(h.lines) > 0 && h.lines[len(h.lines)-1] == line {
		return false
	}
	h.lines = append(h.lines, line)
	h.lines = slices.Delete(h.lines, 0, max(0, len(h.lines)-maxHistory))
	return true
}

// Add adds a line that was typed.
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

// Len returns the number of lines.
func (h *history) Len() int { return len(h.lines) }

// At returns a line; 0 is the newest.
func (h *history) At(i int) string { return h.lines[len(h.lines)-1-i] }
