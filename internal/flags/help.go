package flags

import (
	"fmt"
	"slices"
	"strings"
)

const (
	helpWidth  = 80 // of the text of -h, in characters
	docsWidth  = 100
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
	if len(s.Commands) > 0 {
		b.WriteString("\nCommands:\n")
		for _, c := range s.Commands {
			fmt.Fprintf(&b, "  %-*s%s\n", helpColumn-2, c.word(), wrap(c.summary(), helpColumn))
		}
		fmt.Fprintln(&b, wrap("Run "+s.Name+" COMMAND -h for the flags of a command.", 0))
	}
	for _, g := range s.All() {
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

// summary is the first sentence of what a command does.
func (s *Set) summary() string {
	first, _, _ := strings.Cut(s.About, ". ")
	return strings.TrimSuffix(first, ".")
}

// All returns the groups, and the flags that every program has.
func (s *Set) All() []Group {
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

// wrap breaks text into lines of the help that are indented, all but the first.
func wrap(text string, indent int) string { return fill(text, helpWidth, indent) }

func fill(text string, width, indent int) string {
	var b strings.Builder
	column := indent
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case column+1+len(word) > width:
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

// Markdown returns the flags as a table for docs/flags.md, and one for each command.
func (s *Set) Markdown() string {
	var b strings.Builder
	s.table(&b)
	for _, c := range s.Commands {
		fmt.Fprintf(&b, "\n### %s\n\n%s\n\n", c.Name, fill(c.About, docsWidth, 0))
		for _, u := range c.Usage {
			fmt.Fprintf(&b, "    %s\n", strings.TrimSpace(c.Name+" "+u))
		}
		b.WriteByte('\n')
		c.table(&b)
	}
	return b.String()
}

func (s *Set) table(b *strings.Builder) {
	b.WriteString("| flag | meaning |\n| --- | --- |\n")
	for _, g := range s.All() {
		fmt.Fprintf(b, "| **%s** | |\n", g.Title)
		for _, f := range g.Flags {
			text := f.Text()
			if len(f.Old) > 0 {
				text += ". Old spelling: `-" + strings.Join(f.Old, "`, `-") + "`"
			}
			fmt.Fprintf(b, "| `%s` | %s |\n", escape(f.Head()), escape(text))
		}
	}
}

func escape(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
