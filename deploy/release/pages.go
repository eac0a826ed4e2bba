package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spreadd/spreadd/internal/conf/tomlconf"
	"github.com/spreadd/spreadd/internal/flags"
)

// page is what a man page has beside the flags or keys that it lists.
type page struct {
	name    string
	section int
	summary string // for whatis
	files   [][2]string
	see     []string // name and section, as in "spreadd 8"
}

// programs returns the pages of the programs, in the order of the packages.
func programs() []page {
	return []page{
		{"spreadd", 8, "Spread group communication daemon", [][2]string{
			{"/etc/spread/spread.conf", "The daemons of the ring; the same file on all hosts."},
			{"/etc/spread/spreadd.toml", "Settings of this daemon alone."},
			{"/run/spread/4803.sock", "The socket that clients of this host connect to."},
			{"/tmp/4803", "The same, for clients that know no other place."},
		}, []string{"spmonitor 1", "spuser 1", "spread.conf 5", "spreadd.toml 5"}},
		{"logpub", 1, "publish log lines to Spread groups", [][2]string{
			{"/etc/spread/logpub.toml", "Settings of the service."},
			{"/var/spool/logpub", "Lines that wait for the daemon or for a log host."},
			{"/var/lib/logpub", "Positions in the files that are followed."},
		}, []string{"logsub 1", "logmon 1", "logpub.toml 5", "spreadd 8"}},
		{"logsub", 1, "write the messages of Spread groups to log files", [][2]string{
			{"/etc/spread/logsub.toml", "Settings of the service."},
			{"/var/log/spread", "Log files of the service."},
			{"/var/lib/logsub", "State of the service."},
		}, []string{"logpub 1", "logmon 1", "logsub.toml 5", "spreadd 8"}},
		{"logmon", 1, "show the live traffic of a web farm", nil, []string{"logpub 1", "logsub 1", "spreadd 8"}},
		{"spuser", 1, "watch Spread groups and send messages", nil, []string{"spmonitor 1", "spreadd 8"}},
		{"spmonitor", 1, "show and control the daemons of a Spread ring", [][2]string{
			{"/etc/spread/spread.conf", "The daemons of the ring."},
		}, []string{"spuser 1", "spread.conf 5", "spreadd 8"}},
		{"spbench", 1, "load a Spread ring and measure it", nil, []string{"spmonitor 1", "spreadd 8"}},
	}
}

// settings are the pages of configuration files with their keys.
func settingsPage(name, program, summary, about string, keys []tomlconf.KeyDoc, date string) string {
	m := newMan(name, 5, summary, date)
	m.heading("Sh", "DESCRIPTION")
	m.text(about)
	m.text("The file is in TOML, https://toml.io. Sizes are numbers of bytes or texts such as \"64MiB\", durations texts such as \"30s\". " +
		"Unknown keys are errors. Run " + program + " with -check to see the file as understood.")
	m.heading("Sh", "KEYS")
	m.line(".Bl -tag -width Ds")
	for _, k := range keys {
		m.line(".It Ic " + quoted(k.Name) + " Pq " + inline(k.Value))
		m.text(k.Help)
		if k.Default != "" {
			m.text("Default: " + k.Default + ".")
		}
	}
	m.line(".El")
	m.seeAlso([]string{cmp.Or(map[string]string{"spreadd": "spreadd 8"}[program], program+" 1")})
	return m.String()
}

// programPage is the man page of a program.
func programPage(p page, s *flags.Set, date string) string {
	m := newMan(p.name, p.section, p.summary, date)
	m.synopsis(s)
	m.heading("Sh", "DESCRIPTION")
	m.text(s.About)
	if len(s.Commands) > 0 {
		m.text("The commands are below, each with its flags.")
	}
	m.flags(s.All())
	for _, c := range s.Commands {
		m.heading("Ss", c.Name)
		for _, u := range c.Usage {
			m.line(".Dl " + plain(c.Name+" "+u))
		}
		m.line(".Pp")
		m.text(c.About)
		m.list(allFlags(c.Groups))
	}
	if len(p.files) > 0 {
		m.heading("Sh", "FILES")
		m.line(".Bl -tag -width Ds")
		for _, f := range p.files {
			m.line(".It Pa " + f[0])
			m.text(f[1])
		}
		m.line(".El")
	}
	m.heading("Sh", "EXIT STATUS")
	m.text("0 for success, 1 for a failure, 2 for a wrong command line, and 141 if nobody reads the results any more.")
	if examples := allExamples(s); len(examples) > 0 {
		m.heading("Sh", "EXAMPLES")
		for _, e := range examples {
			m.text(strings.ToUpper(e.Text[:1]) + e.Text[1:] + ":")
			m.line(".Pp", ".Dl "+plain(e.Args), ".Pp")
		}
		m.trim(".Pp")
	}
	m.seeAlso(p.see)
	return m.String()
}

// allExamples returns the examples of a program and of its commands, as whole command lines.
func allExamples(s *flags.Set) (list []flags.Example) {
	for _, set := range append([]*flags.Set{s}, s.Commands...) {
		for _, e := range set.Examples {
			list = append(list, flags.Example{Args: strings.TrimSpace(set.Name + " " + e.Args), Text: e.Text})
		}
	}
	return list
}

func allFlags(groups []flags.Group) (list []*flags.Flag) {
	for _, g := range groups {
		list = append(list, g.Flags...)
	}
	return list
}

// manWidth is the width of lines of mdoc.
const manWidth = 80

// man is a page in mdoc, the language of man pages that lint tools check best.
type man struct{ lines []string }

func newMan(name string, section int, summary, date string) *man {
	m := new(man)
	m.line(".Dd "+date, fmt.Sprintf(".Dt %s %d", strings.ToUpper(name), section), ".Os",
		".Sh NAME", ".Nm "+name, ".Nd "+plain(summary))
	return m
}

func (m *man) line(lines ...string)       { m.lines = append(m.lines, lines...) }
func (m *man) heading(kind, title string) { m.line("." + kind + " " + plain(title)) }
func (m *man) String() string             { return strings.Join(m.lines, "\n") + "\n" }

// trim removes the last line if it is the one given.
func (m *man) trim(last string) {
	if n := len(m.lines) - 1; m.lines[n] == last {
		m.lines = m.lines[:n]
	}
}

// text adds sentences, one a line, as mdoc wants them.
func (m *man) text(s string) {
	s = strings.Join(strings.Fields(s), " ")
	for len(s) > 0 {
		sentence, rest, _ := strings.Cut(s, ". ")
		if rest != "" {
			sentence += "."
		}
		m.fill(inline(sentence))
		s = rest
	}
}

// fill breaks a line between words, but not in front of one that would be a request.
func (m *man) fill(s string) {
	line := ""
	for word := range strings.FieldsSeq(s) {
		if len(line)+len(word) >= manWidth && !strings.HasPrefix(word, ".") && !strings.HasPrefix(word, "'") {
			m.line(line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	m.line(line)
}

func (m *man) synopsis(s *flags.Set) {
	m.heading("Sh", "SYNOPSIS")
	usage := func(name string, lines []string) {
		for _, u := range lines {
			m.line(".Nm "+plain(name), inline(u))
		}
	}
	usage(s.Name, s.Usage)
	for _, c := range s.Commands {
		usage(c.Name, c.Usage)
	}
}

func (m *man) flags(groups []flags.Group) {
	for _, g := range groups {
		m.heading("Ss", g.Title)
		m.list(g.Flags)
	}
}

func (m *man) list(list []*flags.Flag) {
	if len(list) == 0 {
		return
	}
	m.line(".Bl -tag -width Ds")
	for _, f := range list {
		item := ".It Fl " + f.Name
		if f.Value != "" {
			item += " Ar " + quoted(f.Value)
		}
		m.line(item)
		m.text(strings.ToUpper(f.Text()[:1]) + f.Text()[1:] + ".")
	}
	m.line(".El")
}

// seeAlso refers to pages, in the order of sections and names.
func (m *man) seeAlso(pages []string) {
	slices.SortFunc(pages, func(a, b string) int {
		return cmp.Or(cmp.Compare(a[len(a)-1], b[len(b)-1]), strings.Compare(a, b))
	})
	m.heading("Sh", "SEE ALSO")
	for i, p := range pages {
		comma := " ,"
		if i == len(pages)-1 {
			comma = ""
		}
		m.line(".Xr " + p + comma)
	}
}

// plain returns text in which nothing is a request or an escape.
func plain(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "`", "").Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}

// inline is plain text whose words in backquotes are bold. Hyphens within words stay hyphens.
func inline(s string) string {
	var b strings.Builder
	for i, part := range strings.Split(s, "`") {
		part = strings.ReplaceAll(part, `\`, `\e`)
		part = strings.NewReplacer(" -", ` \-`, "[-", `[\-`, "(-", `(\-`).Replace(" " + part)[1:]
		if strings.HasPrefix(s, "-") && i == 0 {
			part = `\` + part
		}
		if i%2 == 1 {
			part = `\fB` + part + `\fP`
		}
		b.WriteString(part)
	}
	if s = b.String(); strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}

// quoted is plain text as one argument of a macro.
func quoted(s string) string {
	s = plain(s)
	if strings.ContainsAny(s, " \t") || len(s) < 3 {
		return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
	}
	return s
}
