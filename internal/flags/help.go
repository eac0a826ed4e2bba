package flags

import (
	"fmt"
	"slices"
	"strings"
)

const (
	helpWidth  = 80 // of the text of -h, in characters
	helpColumn = 20 // where the meaning of a flag begins
)

// Help is the text of -h.
func (s *Set) Help() string {
	var b strings.Builder
	for i, u := range s.Usage {
		label := "Usage:"
		if i > 0 {
			label = "      "
		}
		fmt.Fprintln(&b, strings.TrimRight(label+" "+s.Name+" "+u, " "))
	}
	b.WriteString("\n" + wrap(s.About, 0) + "\n")
	for _, g := range s.all() {
		fmt.Fprintf(&b, "\n%s:\n", g.Title)
		for _, f := range g.Flags {
			head := "  " + f.Head()
			if len(head) > helpColumn-2 {
				head += "\n" + strings.Repeat(" ", helpColumn)
			} else {
				head += strings.Repeat(" ", helpColumn-len(head))
			}
			b.WriteString(head + wrap(f.Text(), helpColumn) + "\n")
		}
	}
	b.WriteString("\nExamples:\n")
	for _, e := range s.Examples {
		command := strings.TrimSpace(s.Name + " " + e.Args)
		fmt.Fprintf(&b, "  %s\n      %s\n", command, wrap(e.Text, 6))
	}
	return b.String()
}

// all returns the groups, and the flags that every program has.
func (s *Set) all() []Group {
	return append(slices.Clip(s.Groups), Group{Title: "Help", Flags: []*Flag{
		{Name: "version", Help: "print the version and exit; also -V"},
		{Name: "h", Help: "print this help and exit; also -help"},
	}})
}

// Head is the flag as it is written: -name VALUE.
func (f *Flag) Head() string { return strings.TrimSpace("-" + f.Name + " " + f.Value) }

// Text is what the flag means, with its default.
func (f *Flag) Text() string {
	text := f.Help
	if f.Repeated {
		text += "; may be repeated"
	}
	if f.Default != "" {
		text += " (default: " + f.Default + ")"
	}
	return text
}

// wrap breaks text into lines that are indented, all but the first.
func wrap(text string, indent int) string {
	var b strings.Builder
	column := indent
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case column+1+len(word) > helpWidth:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		default:
			b.WriteString(" ")
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}

// Markdown returns the flags as a table for docs/flags.md.
func (s *Set) Markdown() string {
	var b strings.Builder
	b.WriteString("| flag | meaning |\n| --- | --- |\n")
	for _, g := range s.all() {
		fmt.Fprintf(&b, "| **%s** | |\n", g.Title)
		for _, f := range g.Flags {
			text := f.Text()
			if len(f.Old) > 0 {
				text += ". Old spelling: `-" + strings.Join(f.Old, "`, `-") + "`"
			}
			fmt.Fprintf(&b, "| `%s` | %s |\n", escape(f.Head()), escape(text))
		}
	}
	return b.String()
}

func escape(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
