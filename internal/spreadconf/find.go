package spreadconf

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spreadd/spreadd/internal/fsutil"
)

// Load reads the configuration file path or, if that is empty, ./spread.conf, /etc/spread.conf or
// /etc/spread/spread.conf. An existing file that cannot be read is an error, and so is a named file
// that does not exist: no other file ever replaces the one that an operator asked for. Files are
// read as by [fsutil.ReadFile], so no FIFO is waited for. If no file is named and none exists in the
// default locations, the error is ErrNoFile.
func Load(ctx context.Context, path string, env Environment) (*Config, error) {
	return load(ctx, "configuration file", path, "spread.conf",
		func(file string, src []byte) (*Config, error) { return Parse(file, src, env) })
}

// LoadAccessIP reads the rules of method IP from ./spread.access_ip, /etc/spread.access_ip or
// /etc/spread/spread.access_ip. If none exists, the error is ErrNoFile; method IP then rejects
// everyone, as a nil *AccessIP does.
func LoadAccessIP(ctx context.Context) (*AccessIP, error) {
	return load(ctx, "access file", "", "spread.access_ip", ParseAccessIP)
}

// LoadAccessPword reads the users of method PWORD from ./spread.access_pword,
// /etc/spread.access_pword or /etc/spread/spread.access_pword. If none exists, the error is ErrNoFile.
func LoadAccessPword(ctx context.Context) (*AccessPword, error) {
	return load(ctx, "password file", "", "spread.access_pword", ParseAccessPword)
}

// load parses path or, if that is empty, the file of that name in the first of the default locations
// that has one (daemon-operations §2, spread-conf §7.1). The C daemon does not know /etc/spread,
// where packages put the files. It comes last, so that no user of the C daemon sees a change.
func load[T any](ctx context.Context, what, path, name string, parse func(file string, src []byte) (*T, error)) (*T, error) {
	places := []string{path}
	if path == "" {
		places = []string{name, "/etc/" + name, "/etc/spread/" + name}
	}
	for _, place := range places {
		src, err := fsutil.ReadFile(ctx, place)
		switch {
		case err == nil:
			return parse(place, src)
		case path != "" || !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("reading the %s: %w", what, err)
		}
	}
	return nil, fmt.Errorf("looking for a %s, which is %s: %w", what, strings.Join(places, " or "), ErrNoFile)
}
