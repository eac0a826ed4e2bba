package weblog

import (
	"bytes"
	"compress/gzip"
	"embed"
	"io"
	"iter"
)

//go:embed *.log.gz
var files embed.FS

//go:generate go tool -modfile=../../../.ci/tools/go.mod stringer -type=Format -linecomment

// Format is the format of a site's log.
type Format uint8

// The formats.
const (
	// Common is the Common Log Format.
	Common Format = iota // common
	// Combined is the Combined Log Format: Common, referrer and user agent.
	Combined // combined
)

// Site is one virtual host.
type Site struct {
	Name   string // its host name
	Group  string // the Spread group for its log
	Format Format
}

// Sites returns the sites, always in the same order.
func Sites() []Site {
	return []Site{
		{Name: "www.coolsite.example", Group: "coolsite", Format: Common},
		{Name: "api.slicksite.example", Group: "slicksite", Format: Combined},
		{Name: "static.oddsite.example", Group: "oddsite", Format: Combined},
	}
}

// Log returns the site's log. It panics for a Site that is none of [Sites].
func (s Site) Log() []byte {
	log, err := unpack(s.Group + ".log.gz")
	if err != nil {
		panic("weblog: " + err.Error()) // the file is part of the program
	}
	return log
}

// Lines yields the lines of the site's log, each with its newline. They share
// memory with each other only.
func (s Site) Lines() iter.Seq[[]byte] { return bytes.Lines(s.Log()) }

func unpack(name string) ([]byte, error) {
	f, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // nothing is written, and it is in memory
	r, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
