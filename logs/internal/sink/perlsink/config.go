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
	// DefaultQueueBytes holds what a slow database cannot take for a while.
	DefaultQueueBytes = 64 << 20
	// DefaultEndWait is as long as for other commands.
	DefaultEndWait = 5 * time.Second
)

const (
	// restartFirst and restartLast bound the pause before a helper that ended by
	// itself is started again; it doubles each time.
	restartFirst = 100 * time.Millisecond
	restartLast  = 30 * time.Second
	// restartReset is how long a helper has to run for the pause to begin anew.
	restartReset = 10 * time.Second
	// startWait is how long modules may take to load: they may connect to a
	// database.
	startWait = 30 * time.Second
	// watchInterval is how often it is looked whether something is to be told.
	watchInterval = 10 * time.Second
	// hangTime is how long a function may take before it is told that it does not return.
	hangTime = 30 * time.Second
	// complainInterval is between two words about lost messages.
	complainInterval = time.Minute
)

// Step prepares the interpreter: one of the two is set.
type Step struct {
	// Lib is a directory that is put in front of those where modules are looked for.
	Lib string
	// Use is what stands behind Perl's use: a module, and what to import.
	Use string
}

// Config says what to load and to call. Zero values of all but Load, Functions and Hup mean the defaults.
type Config struct {
	// Program is perl's path, or its name in PATH.
	Program string
	// Load is done in this order.
	Load []Step
	// Functions are called for messages, "package::name"; one without package is of main.
	Functions []string
	// Hup are called once modules are loaded, and by [Helper.Hup].
	Hup []string
	// QueueBytes bounds the memory of messages that are not worked off.
	QueueBytes int
	// EndWait is how long Close goes on with what waits; how long the helper may then take to end, and
	// again after it was asked to, before it is killed.
	EndWait time.Duration
	// OnEvent is told what an operator may want to know; nil if nobody does. It is called by one goroutine
	// at a time.
	OnEvent func(what string, err error)
	// Output gets what modules print and functions die of, line by line; nil means that nobody wants to know.
	Output func(line string)

	startWait, restartFirst, restartLast, hangTime, watchInterval, outputInterval time.Duration // for tests
}

// ErrNoPerl means that there is no perl to run.
var ErrNoPerl = errors.New("perl is not installed")

// StartError says that the modules could not be loaded, or a function is not there.
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
		return "", fmt.Errorf("%w: install it (Debian: apt-get install perl), or say where it is", ErrNoPerl)
	case err != nil:
		return "", fmt.Errorf("%w as %s: install it there, or say where it is: %w", ErrNoPerl, program, err)
	}
	return path, nil
}

// withDefaults fills in what is not set.
func (c Config) withDefaults() Config {
	c.QueueBytes = cmp.Or(c.QueueBytes, DefaultQueueBytes)
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
