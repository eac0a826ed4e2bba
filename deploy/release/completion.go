package main

import (
	"fmt"
	"strings"

	"github.com/spreadd/spreadd/internal/flags"
)

// words returns the words that a flag's value may be, if its placeholder lists them.
func words(f *flags.Flag) []string {
	if strings.Contains(f.Value, "|") {
		return strings.Split(f.Value, "|")
	}
	return nil
}

func isFile(f *flags.Flag) bool { return f.Value == "FILE" }
func isDir(f *flags.Flag) bool  { return f.Value == "DIR" }

// word is the name of a command without that of its program.
func word(s *flags.Set) string { return s.Name[strings.LastIndexByte(s.Name, ' ')+1:] }

func names(s *flags.Set) (list []string) {
	for _, f := range allFlags(s.All()) {
		list = append(list, "-"+f.Name)
	}
	return list
}

// bash is the completion of a program for bash.
func bash(s *flags.Set) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Completion of %s for bash.\n_%s() {\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n\tCOMPREPLY=()\n", s.Name, s.Name)
	bashBody := func(set *flags.Set, indent string) {
		fmt.Fprintf(&b, "%scase $prev in\n", indent)
		for _, f := range allFlags(set.All()) {
			reply := ""
			switch {
			case isFile(f):
				reply = "compopt -o filenames; COMPREPLY=($(compgen -f -- \"$cur\"))"
			case isDir(f):
				reply = "compopt -o filenames; COMPREPLY=($(compgen -d -- \"$cur\"))"
			case words(f) != nil:
				reply = fmt.Sprintf("COMPREPLY=($(compgen -W '%s' -- \"$cur\"))", strings.Join(words(f), " "))
			case f.Value == "":
				continue
			}
			if reply != "" {
				reply += "; "
			}
			fmt.Fprintf(&b, "%s-%s | --%s) %sreturn ;;\n", indent, f.Name, f.Name, reply)
		}
		fmt.Fprintf(&b, "%sesac\n", indent)
		list := names(set)
		for _, c := range set.Commands {
			list = append(list, word(c))
		}
		fmt.Fprintf(&b, "%sCOMPREPLY=($(compgen -W '%s' -- \"$cur\"))\n", indent, strings.Join(list, " "))
	}
	if len(s.Commands) > 0 {
		b.WriteString("\tif ((COMP_CWORD > 1)); then\n\t\tcase ${COMP_WORDS[1]} in\n")
		for _, c := range s.Commands {
			fmt.Fprintf(&b, "\t\t%s)\n", word(c))
			bashBody(c, "\t\t\t")
			b.WriteString("\t\t\treturn\n\t\t\t;;\n")
		}
		b.WriteString("\t\tesac\n\tfi\n")
	}
	bashBody(s, "\t")
	fmt.Fprintf(&b, "}\ncomplete -F _%s %s\n", s.Name, s.Name)
	return b.String()
}

// zsh is the completion of a program for zsh.
func zsh(s *flags.Set) string {
	var b strings.Builder
	fmt.Fprintf(&b, "#compdef %s\n\n", s.Name)
	arguments := func(set *flags.Set, indent string, tail ...string) {
		fmt.Fprintf(&b, "%s_arguments", indent)
		for _, f := range allFlags(set.All()) {
			spec := "-" + f.Name + "[" + zshText(f.Help) + "]"
			if f.Repeated {
				spec = "*" + spec
			}
			switch {
			case isFile(f):
				spec += ":file:_files"
			case isDir(f):
				spec += ":directory:_files -/"
			case words(f) != nil:
				spec += ":word:(" + strings.Join(words(f), " ") + ")"
			case f.Value != "":
				spec += ":" + zshText(f.Value) + ": "
			}
			fmt.Fprintf(&b, " \\\n%s\t'%s'", indent, spec)
		}
		for _, t := range tail {
			fmt.Fprintf(&b, " \\\n%s\t'%s'", indent, t)
		}
		b.WriteString("\n")
	}
	if len(s.Commands) == 0 {
		arguments(s, "")
		return b.String()
	}
	b.WriteString("if ((CURRENT > 2)); then\n\tcase $words[2] in\n")
	var list []string
	for _, c := range s.Commands {
		list = append(list, word(c))
		fmt.Fprintf(&b, "\t%s)\n\t\tshift words\n\t\t((CURRENT--))\n", word(c))
		arguments(c, "\t\t", "*: : ")
		b.WriteString("\t\treturn\n\t\t;;\n")
	}
	b.WriteString("\tesac\nfi\n")
	arguments(s, "", "1:command:("+strings.Join(list, " ")+")")
	return b.String()
}

// zshText is a text within a specification of _arguments in single quotes.
func zshText(s string) string {
	return strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`, ":", `\:`, "'", `'\''`).Replace(s)
}

// fish is the completion of a program for fish.
func fish(s *flags.Set) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Completion of %s for fish.\ncomplete -c %[1]s -f\n", s.Name)
	var list []string
	for _, c := range s.Commands {
		list = append(list, word(c))
	}
	all := strings.Join(list, " ")
	add := func(set *flags.Set, condition string) {
		for _, f := range allFlags(set.All()) {
			line := "complete -c " + s.Name + condition + " -o " + f.Name
			switch {
			case isFile(f):
				line += " -r -F"
			case isDir(f):
				line += " -x -a '(__fish_complete_directories)'"
			case words(f) != nil:
				line += " -x -a '" + strings.Join(words(f), " ") + "'"
			case f.Value != "":
				line += " -x"
			}
			fmt.Fprintf(&b, "%s -d '%s'\n", line, fishText(f.Help))
		}
	}
	if len(list) == 0 {
		add(s, "")
		return b.String()
	}
	none := " -n 'not __fish_seen_subcommand_from " + all + "'"
	for _, c := range s.Commands {
		about, _, _ := strings.Cut(c.About, ". ")
		fmt.Fprintf(&b, "complete -c %s%s -a %s -d '%s'\n", s.Name, none, word(c), fishText(strings.TrimSuffix(about, ".")))
	}
	add(s, none)
	for _, c := range s.Commands {
		add(c, " -n '__fish_seen_subcommand_from "+word(c)+"'")
	}
	return b.String()
}

func fishText(s string) string { return strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) }
