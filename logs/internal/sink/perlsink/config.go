package perlsink

import (
	"cmp"
	"errors"
	"fmt"
	"os/exec"
	"time"
)

// Defaults of [Config].
const (
	// DefaultProgram is found by PATH.
	DefaultProgram = "perl"
	// DefaultEndWait is the same as for commands.
	DefaultEndWait = 5 * time.Second
)

const (
	// restartFirst and restartLast bound the pause before perl is started again after it ended by
	// itself; it doubles each time.
	restartFirst = 100 * time.Millisecond
	restartLast  = 30 * time.Second
	// restartReset is how long perl must run for the pause to start from restartFirst again.
	restartReset = 10 * time.Second
	// startWait is how long modules may take to load: they may connect to a database.
	startWait = 30 * time.Second
	// watchInterval is how often the sink looks for functions that do not return.
	watchInterval = 10 * time.Second
	// hangTime is how long a function may take before it is reported.
	hangTime = 30 * time.Second
)

// Step prepares the interpreter: one of the two fields is set.
type Step struct {
	// Lib is a directory that is added in front of those where modules are looked for.
	Lib string
	// Use is the argument of Perl's use: a module, and what to import.
	Use string
}

// Config says what to load and to call. Zero values of all but Load, Functions and Hup mean the
// defaults.
type Config struct {
	// Program is perl's path, or its name in PATH.
	Program string
	// Load is executed in this order.
	Load []Step
	// Functions are called for messages, "package::name"; one without package belongs to main.
	Functions []string
	// Hup are called when modules have been loaded, and by [Sink.Reopen].
	Hup []string
	// EndWait is how long perl may take to end, and again after it was asked to end, before it is
	// killed.
	EndWait time.Duration
	// OnEvent is called for what an operator may want to know; nil discards it. It is called by one
	// goroutine at a time.
	OnEvent func(what string, err error)
	// Output receives what modules print and the reasons of functions that die, line by line; nil
	// discards it.
	Output func(line string)

	startWait, restartFirst, restartLast, hangTime, watchInterval, outputInterval time.Duration // for tests
}

// ErrNoPerl means that perl cannot be found.
var ErrNoPerl = errors.New("perl is not installed")

// StartError says that the modules cannot be loaded, or that a function does not exist.
type StartError struct {
	Why string // in Perl's words
}

// Error implements error.
func (e *StartError) Error() string { return "loading the Perl modules: " + e.Why }

// Find returns the path of perl. The error wraps [ErrNoPerl] if there is none.
func Find(program string) (string, error) {
	program = cmp.Or(program, DefaultProgram)
	path, err := exec.LookPath(program)
	switch {
	case errors.Is(err, exec.ErrNotFound) && program == DefaultProgram:
		return "", fmt.Errorf("%w: install it (Debian: apt-get install perl), or set perl_program", ErrNoPerl)
	case err != nil:
		return "", fmt.Errorf("%w as %s: install it there, or set perl_program: %w", ErrNoPerl, program, err)
	}
	return path, nil
}

// withDefaults fills in what is not set.
func (c Config) withDefaults() Config {
	c.EndWait = cmp.Or(c.EndWait, DefaultEndWait)
	c.startWait = cmp.Or(c.startWait, startWait)
	c.restartFirst = cmp.Or(c.restartFirst, restartFirst)
	c.restartLast = cmp.Or(c.restartLast, restartLast)
	c.hangTime = cmp.Or(c.hangTime, hangTime)
	c.watchInterval = cmp.Or(c.watchInterval, watchInterval)
	c.outputInterval = cmp.Or(c.outputInterval, outputInterval)
	if c.OnEvent == nil {
		c.OnEvent = func(string, error) {}
	}
	if c.Output == nil {
		c.Output = func(string) {}
	}
	return c
}

// preparation returns the frames that come before all others.
func (c *Config) preparation() []byte {
	var b []byte
	for _, s := range c.Load {
		if s.Lib != "" {
			b = appendFrame(b, frameLib, s.Lib)
		} else {
			b = appendFrame(b, frameUse, s.Use)
		}
	}
	for _, name := range c.Functions {
		b = appendFrame(b, frameFunction, name)
	}
	for _, name := range c.Hup {
		b = appendFrame(b, frameHup, name)
	}
	return appendFrame(b, frameStart, "")
}
