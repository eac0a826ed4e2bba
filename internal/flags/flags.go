package flags

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spreadd/spreadd/internal/buildinfo"
	"github.com/spreadd/spreadd/internal/conf"
)

// The exit statuses that all programs share.
const (
	OK     = 0
	Failed = 1
	Misuse = 2 // the command line is wrong
)

var (
	// ErrHelp means that the arguments ask for help.
	ErrHelp = flag.ErrHelp
	// ErrVersion means that the arguments ask for the version.
	ErrVersion = errors.New("version requested")
	// ErrDescribe means that the arguments ask for the description in JSON.
	ErrDescribe = errors.New("description requested")
)

// Program is what help says besides the flags.
type Program struct {
	Name     string
	Usage    []string // one command line each, without the program's name
	About    string   // what the program does
	Examples []Example
	Version  string // printed by -version; empty: the name, version, commit and date of the build
}

// Example is a command line, without the program's name, and what it does.
type Example struct{ Args, Text string }

// Group is a titled list of flags.
type Group struct {
	Title string
	Flags []*Flag
}

// Flag describes one flag.
type Flag struct {
	Name     string
	Old      []string // other spellings, valid and not shown
	Value    string   // placeholder; empty for a flag without a value
	Repeated bool
	Default  string // empty: none, or named by Help
	Help     string
}

// Set is the command line of a program, or of one of its commands.
type Set struct {
	Program
	Groups   []Group
	Commands []*Set // named "PROGRAM COMMAND"
	std      *flag.FlagSet
	version  bool
	asJSON   bool
	args     *[]string // where arguments that are no flags go; nil: the program takes no arguments
	least    int       // number of them
	argName  string    // of the first that is missing
}

// New returns a set with the flags that every program has.
func New(p Program) *Set {
	if p.Version == "" {
		p.Version = p.Name + " " + buildinfo.Line()
	}
	s := &Set{Program: p, std: flag.NewFlagSet(p.Name, flag.ContinueOnError)}
	s.std.SetOutput(io.Discard)
	s.std.BoolVar(&s.version, "version", false, "")
	s.std.BoolVar(&s.version, "V", false, "")
	s.std.BoolVar(&s.asJSON, "describe", false, "")
	return s
}

// Group begins a group. The flags that follow belong to it.
func (s *Set) Group(title string) { s.Groups = append(s.Groups, Group{Title: title}) }

// add describes a flag in the last group and returns its names.
func (s *Set) add(names, placeholder, help string) (*Flag, []string) {
	all := strings.Fields(names)
	value, repeated := strings.CutSuffix(placeholder, "...")
	f := &Flag{Name: all[0], Old: all[1:], Value: value, Repeated: repeated, Help: help}
	g := &s.Groups[len(s.Groups)-1]
	g.Flags = append(g.Flags, f)
	return f, all
}

// Func adds a flag whose values go to set, in the order of the command line.
func (s *Set) Func(names, placeholder, help string, set func(string) error) *Flag {
	f, all := s.add(names, placeholder, help)
	for _, name := range all {
		s.std.Func(name, "", set)
	}
	return f
}

// BoolFunc adds a flag without a value that calls set.
func (s *Set) BoolFunc(names, help string, set func() error) {
	_, all := s.add(names, "", help)
	for _, name := range all {
		s.std.BoolFunc(name, "", func(string) error { return set() })
	}
}

// Former adds a flag of earlier versions that is not shown. It takes no value, or =false.
func (s *Set) Former(name string, set func(on bool) error) {
	s.std.BoolFunc(name, "", func(text string) error {
		on, err := strconv.ParseBool(text)
		if err != nil {
			return errors.New("want true or false")
		}
		return set(on)
	})
}

// Bool adds a flag without a value. Write -name=false to turn it off.
func (s *Set) Bool(p *bool, names, help string) {
	f, all := s.add(names, "", help)
	if *p {
		f.Default = "on; -" + f.Name + "=false turns it off"
	}
	for _, name := range all {
		s.std.BoolVar(p, name, *p, "")
	}
}

// Var adds a flag whose value is read by parse. The value that p has now is the default.
func Var[T comparable](s *Set, p *T, names, placeholder, help string, parse func(string) (T, error)) *Flag {
	f := s.Func(names, placeholder, help, func(text string) (err error) {
		*p, err = parse(text)
		return err
	})
	var zero T
	if *p != zero {
		f.Default = fmt.Sprint(*p)
	}
	return f
}

// String adds a flag for text.
func (s *Set) String(p *string, names, placeholder, help string) *Flag {
	return Var(s, p, names, placeholder, help, func(text string) (string, error) { return text, nil })
}

// Int adds a flag for a number from lowest to highest.
func (s *Set) Int(p *int, names, placeholder, help string, lowest, highest int) *Flag {
	return Var(s, p, names, placeholder, help, func(text string) (int, error) {
		n, err := strconv.Atoi(text)
		if err != nil || n < lowest || n > highest {
			return 0, fmt.Errorf("want a number from %d to %d", lowest, highest)
		}
		return n, nil
	})
}

// Float adds a flag for a number that may have a fraction.
func (s *Set) Float(p *float64, names, placeholder, help string) *Flag {
	return Var(s, p, names, placeholder, help, func(text string) (float64, error) {
		x, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return 0, errors.New("want a number")
		}
		return x, nil
	})
}

// Duration adds a flag for a time such as 500ms or 1m30s.
func (s *Set) Duration(p *time.Duration, names, help string) *Flag {
	f := Var(s, p, names, "TIME", help, func(text string) (time.Duration, error) {
		d, err := time.ParseDuration(text)
		if err != nil {
			return 0, errors.New("want a time such as 500ms or 1m30s")
		}
		return d, nil
	})
	if strings.HasSuffix(f.Default, "m0s") {
		f.Default = strings.TrimSuffix(f.Default, "0s")
	}
	return f
}

// Size adds a flag for a number of bytes, such as 512 or 64MiB.
func Size[T ~int | ~int64](s *Set, p *T, names, help string) *Flag {
	f := Var(s, p, names, "SIZE", help, func(text string) (T, error) {
		n, err := conf.ParseSize(text)
		if err == nil && int64(T(n)) != int64(n) {
			err = fmt.Errorf("%q is more than this machine can address", text)
		}
		return T(n), err
	})
	if f.Default != "" {
		f.Default = conf.Size(*p).String()
	}
	return f
}

// Args lets the command line have arguments that are no flags, at least some. Flags may stand
// before, between and after them; behind "--" all are arguments. name is the placeholder in errors.
func (s *Set) Args(p *[]string, name string, least int) { s.args, s.argName, s.least = p, name, least }

// Parse reads the arguments behind the program's name. It prints nothing; [Set.Answer] does.
func (s *Set) Parse(args []string) error {
	for {
		if err := s.std.Parse(args); err != nil {
			return err
		}
		rest := s.std.Args()
		if len(rest) == 0 || s.args == nil {
			break
		}
		n := 1
		if i := len(args) - len(rest); i > 0 && args[i-1] == "--" {
			n = len(rest)
		}
		*s.args, args = append(*s.args, rest[:n]...), rest[n:]
	}
	switch {
	case s.version:
		return ErrVersion
	case s.asJSON:
		return ErrDescribe
	case s.args == nil && s.std.NArg() > 0:
		return fmt.Errorf("unexpected argument %q", s.std.Arg(0))
	case s.args != nil && len(*s.args) < s.least:
		return fmt.Errorf("%s is missing", s.argName)
	}
	return nil
}

// Command returns the command of a name, or nil.
func (s *Set) Command(name string) *Set {
	for _, c := range s.Commands {
		if c.word() == name {
			return c
		}
	}
	return nil
}

// word is the name of a command without that of its program.
func (s *Set) word() string { return s.Name[strings.LastIndexByte(s.Name, ' ')+1:] }

// Given returns the names of the flags on the command line, sorted.
func (s *Set) Given() []string {
	var names []string
	s.std.Visit(func(f *flag.Flag) { names = append(names, f.Name) })
	return names
}

// Answer prints what an error of [Set.Parse], or of later checks of the command line, asks for:
// help, the version or a complaint. It returns the exit status.
func (s *Set) Answer(err error, stdout, stderr io.Writer) int {
	switch {
	case errors.Is(err, ErrHelp):
		fmt.Fprint(stdout, s.Help())
	case errors.Is(err, ErrVersion):
		fmt.Fprintln(stdout, s.Version)
	case errors.Is(err, ErrDescribe):
		if err := json.NewEncoder(stdout).Encode(s); err != nil {
			fmt.Fprintf(stderr, "%s: %v\n", s.Name, err)
			return Failed
		}
	default:
		fmt.Fprintf(stderr, "%s: %v; run %[1]s -h for help\n", s.Name, err)
		return Misuse
	}
	return OK
}

// Has reports whether the program has a flag that is shown under this name.
func (s *Set) Has(name string) bool {
	for _, g := range s.All() {
		for _, f := range g.Flags {
			if f.Name == name {
				return true
			}
		}
	}
	return false
}
