package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/spreadd/spreadd/internal/prom"
	"github.com/spreadd/spreadd/logs/internal/input/syslog"
	"github.com/spreadd/spreadd/logs/internal/input/tail"
	"github.com/spreadd/spreadd/logs/logpub"
	"github.com/spreadd/spreadd/spread"
)

// fileConfig is a configuration file. docs/logs/logpub.md says what each key means.
type fileConfig struct {
	Daemons   []string     `toml:"daemons"`
	Name      string       `toml:"name"`
	Groups    []string     `toml:"groups"`
	Route     *routeConfig `toml:"route"`
	Vhost     string       `toml:"vhost"`
	VhostWord vhostWord    `toml:"vhost_word"`
	Service   service      `toml:"service"`
	Type      *int16       `toml:"type"`
	Queue     int          `toml:"queue_bytes"`
	Full      policy       `toml:"full"`
	Block     duration     `toml:"block"`
	Drain     duration     `toml:"drain"`
	Stats     duration     `toml:"stats"`
	Stall     duration     `toml:"stall"`
	Return    duration     `toml:"return"`
	MaxLine   int          `toml:"max_line"`
	Envelope  bool         `toml:"envelope"`
	Batch     int          `toml:"batch_bytes"`
	Publisher string       `toml:"publisher"`
	Confirm   bool         `toml:"confirm"`
	State     string       `toml:"state"`
	Metrics   string       `toml:"metrics"`
	Spool     struct {
		Dir   string   `toml:"dir"`
		Bytes int64    `toml:"bytes"`
		After duration `toml:"after"`
	} `toml:"spool"`
	Inputs []inputConfig `toml:"input"`
}

type routeConfig struct {
	Field     int    `toml:"field"`
	VHost     bool   `toml:"vhost"`
	Prefix    string `toml:"prefix"`
	MaxGroups int    `toml:"max_groups"`
	Rules     []struct {
		Match  pattern  `toml:"match"`
		Groups []string `toml:"groups"`
	} `toml:"rule"`
}

type inputConfig struct {
	Stdin     bool         `toml:"stdin"`
	File      string       `toml:"file"`
	Syslog    string       `toml:"syslog"` // NETWORK:ADDRESS
	Raw       bool         `toml:"raw"`
	FromStart bool         `toml:"from_start"`
	Groups    []string     `toml:"groups"`
	Route     *routeConfig `toml:"route"`
	Vhost     string       `toml:"vhost"`
	VhostWord vhostWord    `toml:"vhost_word"`
}

type (
	service   struct{ spread.Service }
	policy    struct{ logpub.Policy }
	duration  struct{ time.Duration }
	pattern   struct{ *regexp.Regexp }
	vhostWord struct{ logpub.VhostWord }
)

// The forms of values.
func (s *service) UnmarshalText(b []byte) (err error) {
	s.Service, err = spread.ParseService(string(b))
	return err
}

func (p *policy) UnmarshalText(b []byte) (err error) {
	p.Policy, err = logpub.ParsePolicy(string(b))
	return err
}

func (w *vhostWord) UnmarshalText(b []byte) (err error) {
	w.VhostWord, err = logpub.ParseVhostWord(string(b))
	return err
}

func (d *duration) UnmarshalText(b []byte) (err error) {
	d.Duration, err = time.ParseDuration(string(b))
	return err
}

func (p *pattern) UnmarshalText(b []byte) (err error) {
	p.Regexp, err = regexp.Compile(string(b))
	return err
}

// readConfig reads a configuration. Errors name the file and, as far as there is one, the line.
func readConfig(path string) (*fileConfig, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var c fileConfig
	meta, err := toml.Decode(string(text), &c)
	var at toml.ParseError
	switch {
	case errors.As(err, &at):
		return nil, fmt.Errorf("%s:%d: %s", path, at.Position.Line, strings.TrimPrefix(at.Error(), "toml: "))
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var unknown []error
	for _, key := range meta.Undecoded() {
		unknown = append(unknown, fmt.Errorf("%s:%d: unknown key %s", path, keyLine(string(text), key), key))
	}
	if err := errors.Join(unknown...); err != nil {
		return nil, err
	}
	if len(c.Inputs) == 0 {
		return nil, fmt.Errorf("%s: no [[input]]: name one", path)
	}
	return &c, nil
}

var (
	tableLine = regexp.MustCompile(`^\s*\[+\s*([^\]]*?)\s*\]+`)
	keyEqual  = regexp.MustCompile(`^\s*([A-Za-z0-9_."'-]+)\s*=`)
)

// keyLine finds the line of a key, which the decoder does not tell.
func keyLine(text string, key toml.Key) int {
	table := ""
	for i, line := range strings.Split(text, "\n") {
		name := ""
		if m := tableLine.FindStringSubmatch(line); m != nil {
			table, name = m[1], m[1]
		} else if m := keyEqual.FindStringSubmatch(line); m != nil {
			name = strings.TrimPrefix(table+"."+m[1], ".")
		}
		if name == key.String() {
			return i + 1
		}
	}
	return 1 // within an inline table
}

// publisher returns the configuration of package logpub.
func (c *fileConfig) publisher() logpub.Config {
	p := logpub.Config{
		Name: c.Name, Groups: c.Groups, Route: c.Route.route(), Vhost: c.Vhost, VhostWord: c.VhostWord.VhostWord, Service: c.Service.Service, MessType: logpub.DefaultMessType,
		QueueBytes: c.Queue, Policy: c.Full.Policy, BlockTime: c.Block.Duration, DrainTimeout: c.Drain.Duration, StatsInterval: c.Stats.Duration,
		StallTime: c.Stall.Duration, ReturnInterval: c.Return.Duration, MaxLine: c.MaxLine,
		BatchBytes: c.Batch, Envelope: c.Envelope, Publisher: c.Publisher, Confirm: c.Confirm,
		Spool: c.Spool.Dir, SpoolBytes: c.Spool.Bytes, SpoolAfter: c.Spool.After.Duration,
	}
	if c.Type != nil {
		p.MessType = *c.Type
	}
	if len(c.Daemons) > 0 {
		p.Address, p.Fallbacks = c.Daemons[0], c.Daemons[1:]
	}
	if p.Groups == nil {
		// Each input may have its own; then there is no other use for these.
		for _, in := range c.Inputs {
			p.Groups = append(p.Groups, in.Groups...)
		}
		p.Groups = p.Groups[:min(1, len(p.Groups))]
	}
	return p
}

func (r *routeConfig) route() *logpub.Route {
	if r == nil {
		return nil
	}
	to := &logpub.Route{Field: r.Field, VHost: r.VHost, Prefix: r.Prefix, MaxTargets: r.MaxGroups}
	for _, rule := range r.Rules {
		to.Rules = append(to.Rules, logpub.Rule{Match: rule.Match.Regexp, Groups: rule.Groups})
	}
	return to
}

// kind says which of the three kinds of inputs it is.
func (in *inputConfig) kind() (kind string, err error) {
	var kinds []string
	if in.Stdin {
		kinds = append(kinds, "stdin")
	}
	if in.File != "" {
		kinds = append(kinds, "file")
	}
	if in.Syslog != "" {
		kinds = append(kinds, "syslog")
		network, address, ok := strings.Cut(in.Syslog, ":")
		if !ok || address == "" || network != "udp" && network != "tcp" && network != "unix" && network != "unixgram" {
			return "", fmt.Errorf("syslog %q: want udp:HOST:PORT, tcp:HOST:PORT, unixgram:PATH or unix:PATH", in.Syslog)
		}
	}
	if len(kinds) != 1 {
		return "", fmt.Errorf("an input with %d of stdin, file and syslog: want one", len(kinds))
	}
	return kinds[0], nil
}

// check checks the inputs without opening anything, and whether the publisher takes them.
func (c *fileConfig) check(p *logpub.Publisher) error {
	if c.Metrics != "" {
		if err := prom.CheckAddress(c.Metrics); err != nil {
			return err
		}
	}
	stdins := 0
	for i := range c.Inputs {
		in := &c.Inputs[i]
		kind, err := in.kind()
		if err == nil {
			err = p.CheckInput(logpub.Input{Groups: in.Groups, Route: in.Route.route(), Vhost: in.Vhost, VhostWord: in.VhostWord.VhostWord})
		}
		if err != nil {
			return fmt.Errorf("input %d: %w", i+1, err)
		}
		if kind == "stdin" {
			stdins++
		}
	}
	if stdins > 1 {
		return errors.New("standard input is an input more than once")
	}
	return nil
}

// open opens the inputs.
func (c *fileConfig) open(ctx context.Context, p logpub.Config, stdin io.Reader) (inputs []logpub.Input, err error) {
	for i := range c.Inputs {
		in := &c.Inputs[i]
		var source logpub.Source
		switch {
		case in.Stdin:
			source = logpub.NewStream(stdin)
		case in.File != "":
			source, err = logpub.NewFile(tail.Config{Path: in.File, State: c.State, FromStart: in.FromStart}, p.Log)
		default:
			network, address, _ := strings.Cut(in.Syslog, ":")
			source, err = logpub.NewSyslog(ctx, syslog.Config{Network: network, Address: address, Raw: in.Raw})
		}
		if err != nil {
			return nil, err
		}
		input := logpub.Input{Source: source, Groups: in.Groups, Route: in.Route.route(), Vhost: in.Vhost, VhostWord: in.VhostWord.VhostWord}
		if in.Stdin {
			input.Name = stdinName
		}
		inputs = append(inputs, input)
	}
	return inputs, nil
}
