package logpub

import (
	"bytes"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/spreadd/spreadd/logs/internal/chain"
	"github.com/spreadd/spreadd/logs/internal/logline"
	"github.com/spreadd/spreadd/logs/internal/queue"
	"github.com/spreadd/spreadd/spread"
)

const (
	maxGroupName = 31
	// hashLen is how many characters of 5 bits distinguish names that had to be changed.
	hashLen = 12
	// DefaultMaxTargets is enough for mass virtual hosting, and bounds the harm of clients that invent names.
	DefaultMaxTargets = 10_000
	// maxNames bounds the cache of field texts.
	maxNames = 4 * DefaultMaxTargets
)

// Route chooses the groups of a line by its content. Lines that it has no groups for go to Default.
type Route struct {
	// Field is the number, from 1, of the field whose text names the group. Fields are separated by spaces. 0 means that
	// no field does.
	Field int
	// VHost treats the field as the name of a virtual host: in lower case, without a port.
	VHost bool
	// Prefix stands in front of the group's name.
	Prefix string
	// Rules are tried one after another, if Field is 0.
	Rules []Rule
	// Default are the groups of all other lines: 1 to 100.
	Default []string
	// MaxTargets bounds the number of groups that are made from lines. Lines for further ones go to Default and are
	// counted. 0 means DefaultMaxTargets.
	MaxTargets int
}

// Rule sends the lines that match an expression to groups.
type Rule struct {
	Match  *regexp.Regexp
	Groups []string // 1 to 100
}

// check checks a route, and returns the largest number of groups that a line may go to.
func (r *Route) check() (most int, err error) {
	lists := [][]string{r.Default}
	switch {
	case r.Field < 0:
		return 0, fmt.Errorf("invalid field %d: fields are counted from 1", r.Field)
	case r.Field > 0 && len(r.Rules) > 0:
		return 0, fmt.Errorf("route has both field %d and %d rules: remove one of them", r.Field, len(r.Rules))
	case r.Field == 0 && (r.VHost || r.Prefix != ""):
		return 0, fmt.Errorf("route has a virtual host or a prefix but no field: set field")
	case r.MaxTargets < 0:
		return 0, fmt.Errorf("invalid number of targets %d (want more than 0)", r.MaxTargets)
	case r.Prefix != "" && (len(r.Prefix) > maxGroupName-hashLen-2 || spread.CheckGroup(r.Prefix) != nil || strings.Contains(r.Prefix, "~")):
		return 0, fmt.Errorf("invalid prefix %q (want at most %d bytes from '$' to '}')", r.Prefix, maxGroupName-hashLen-2)
	}
	for i, rule := range r.Rules {
		if rule.Match == nil {
			return 0, fmt.Errorf("rule %d has no expression: set match", i+1)
		}
		lists = append(lists, rule.Groups)
	}
	for _, groups := range lists {
		if err := checkGroups(groups); err != nil {
			return 0, err
		}
		most = max(most, len(groups))
	}
	return most, nil
}

// GroupName makes a group name from any text, so that different texts have different names. Text that is legal with the prefix,
// up to 31 bytes from '$' to '}', is used as it is. In other text illegal bytes become '_', what is too long is cut, and '~' with
// 12 characters of its SHA-256 follows. Names of the first kind have no '~', so the two kinds never collide.
func GroupName(prefix string, text []byte) string {
	legal := len(text) > 0 && len(prefix)+len(text) <= maxGroupName
	for _, c := range text {
		legal = legal && c >= '$' && c <= '}'
	}
	if legal {
		return prefix + string(text)
	}
	sum := sha256.Sum256(text)
	hash := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:])[:hashLen]
	b := []byte(prefix)
	for _, c := range text[:min(len(text), maxGroupName-hashLen-1-len(prefix))] {
		if c < '$' || c > '}' {
			c = '_'
		}
		b = append(b, c)
	}
	return string(b) + "~" + strings.ToLower(hash)
}

// field returns the field with a number, from 1, of a line, or nil.
func field(line []byte, number int) []byte {
	line = bytes.TrimSuffix(line, []byte{'\n'})
	for ; number > 1; number-- {
		i := bytes.IndexByte(line, ' ')
		if i < 0 {
			return nil
		}
		line = line[i+1:]
	}
	if i := bytes.IndexByte(line, ' '); i >= 0 {
		line = line[:i]
	}
	return line
}

// router finds the destination of each line of an input.
type router struct {
	p     *Publisher
	route *Route
	other *destination
	rules []*destination
	names map[string]*destination // by the field as it stands in the line
	made  map[string]*destination // by the name of the group
}

func (p *Publisher) newRouter(r *Route) *router {
	n := &router{p: p, route: r, other: p.target(r.Default), names: make(map[string]*destination), made: make(map[string]*destination)}
	for _, rule := range r.Rules {
		n.rules = append(n.rules, p.target(rule.Groups))
	}
	return n
}

// find returns where a line goes.
func (n *router) find(line []byte) *destination {
	if n.route.Field == 0 {
		for i, rule := range n.route.Rules {
			if rule.Match.Match(bytes.TrimSuffix(line, []byte{'\n'})) {
				return n.rules[i]
			}
		}
		return n.other
	}
	text := field(line, n.route.Field)
	if to, ok := n.names[string(text)]; ok {
		return to
	}
	to := n.make(text)
	if len(n.names) >= maxNames {
		clear(n.names)
	}
	n.names[string(text)] = to
	return to
}

// make returns the destination for a field text that is not cached.
func (n *router) make(text []byte) *destination {
	if n.route.VHost {
		text = logline.AppendVHost(nil, text)
	}
	if len(text) == 0 || string(text) == "-" {
		return n.other
	}
	name := GroupName(n.route.Prefix, text)
	to, ok := n.made[name]
	if !ok {
		most := n.route.MaxTargets
		if most == 0 {
			most = DefaultMaxTargets
		}
		if len(n.made) >= most {
			n.p.count.overflow.Add(1)
			return n.other
		}
		to = n.p.target([]string{name})
		n.made[name] = to
	}
	return to
}

// destination is where lines go, and what counts them.
type destination struct {
	queue.Target
	name  string // of the groups, with spaces between
	count *groupCount

	counting sync.Once
	counter  *chain.Counter // of the lines in the epoch of the process
}

// target returns the destination of a list of groups.
func (p *Publisher) target(groups []string) *destination {
	p.targetsMu.Lock()
	defer p.targetsMu.Unlock()
	key := strings.Join(groups, " ")
	to, ok := p.targets[key]
	if !ok {
		to = &destination{name: key, Target: queue.Target{Groups: slices.Clone(groups), Epoch: p.epoch, Stream: uint32(len(p.targets))}, count: &p.otherGroups}
		if len(p.groups) < MaxGroupStats {
			to.count = &groupCount{name: key}
			p.groups = append(p.groups, to.count)
		}
		p.targets[key] = to
	}
	return to
}

// counted returns what counts the lines for a list of groups, which have spaces between.
func (p *Publisher) counted(groups string) *groupCount {
	p.targetsMu.Lock()
	defer p.targetsMu.Unlock()
	if to, ok := p.targets[groups]; ok {
		return to.count
	}
	return &p.otherGroups
}
