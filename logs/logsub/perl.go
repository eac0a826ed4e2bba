package logsub

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/spreadd/spreadd/logs/internal/sink/perlsink"
)

// Perl is code that was written for spreadlogd. It runs in an interpreter of its own.
type Perl struct {
	// Program is perl's path, or its name in PATH; empty means "perl".
	Program string
	// Load is executed in this order, before any function is called.
	Load []perlsink.Step
	// Hup are functions that are called without arguments when modules have been loaded, and by
	// [Subscriber.Reopen].
	Hup []string
}

var (
	errPerlAndFile  = errors.New("a log has a file or a Perl function: write two logs for both")
	errKeepPerl     = errors.New("what goes to Perl cannot be cut, compressed or removed: that is for files")
	errPerlFunction = errors.New("no name of a Perl function: want PACKAGE::FUNCTION")
)

// perlFunctionName matches a name as Perl allows it, with both separators of packages.
var perlFunctionName = regexp.MustCompile(`^(?:::)?[A-Za-z_]\w*(?:(?:::|')\w+)*$`)

// checkPerlName checks that a text can be the name of a function.
func checkPerlName(name string) error {
	if !perlFunctionName.MatchString(name) {
		return fmt.Errorf("%q is %w", name, errPerlFunction)
	}
	return nil
}

func (p *Perl) check() error {
	for _, s := range p.Load {
		if (s.Lib == "") == (s.Use == "") {
			return errors.New("logsub: a step of loading Perl modules must name either a directory or a module")
		}
	}
	for _, name := range p.Hup {
		if err := checkPerlName(name); err != nil {
			return fmt.Errorf("logsub: %w", err)
		}
	}
	return nil
}

// perlFunctions returns the functions of all logs, each once.
func (c *Config) perlFunctions() []string {
	var names []string
	for _, conn := range c.Connections {
		for i := range conn.Logs {
			if name := conn.Logs[i].Perl; name != "" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// usesPerl reports whether there is something for Perl to do. A module may be loaded just for its
// side effects.
func (c *Config) usesPerl() bool {
	return len(c.Perl.Load) > 0 || len(c.Perl.Hup) > 0 || len(c.perlFunctions()) > 0
}

// FindPerl checks that the program for the configured Perl modules exists. [New] does so too;
// FindPerl does not run it.
func (c *Config) FindPerl() error {
	if !c.usesPerl() {
		return nil
	}
	_, err := perlsink.Find(c.Perl.Program)
	return err
}
