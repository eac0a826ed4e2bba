package spreadconf

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// maxFileSize bounds the files that are read, in bytes. The largest possible configuration has some
// 20 kB without comments.
const maxFileSize = 1 << 20

// Load reads the configuration file path or, if that is empty, ./spread.conf or /etc/spread.conf. An
// existing file that cannot be read is an error, and so is a named file that does not exist: no
// other file ever replaces the one that an operator asked for. If no file is named and none exists
// in the default locations, the error is ErrNoFile.
func Load(path string, env Environment) (*Config, error) {
	return load("configuration file", path, "spread.conf",
		func(file string, src []byte) (*Config, error) { return Parse(file, src, env) })
}

// LoadAccessIP reads the rules of method IP from ./spread.access_ip or /etc/spread.access_ip. If none
// exists, the error is ErrNoFile; method IP then rejects everyone, as a nil *AccessIP does.
func LoadAccessIP() (*AccessIP, error) {
	return load("access file", "", "spread.access_ip", ParseAccessIP)
}

// LoadAccessPword reads the users of method PWORD from ./spread.access_pword or
// /etc/spread.access_pword. If none exists, the error is ErrNoFile.
func LoadAccessPword() (*AccessPword, error) {
	return load("password file", "", "spread.access_pword", ParseAccessPword)
}

// load parses path or, if that is empty, the file of that name in the first of the default locations
// that has one (daemon-operations §2, spread-conf §7.1).
func load[T any](what, path, name string, parse func(file string, src []byte) (*T, error)) (*T, error) {
	places := []string{path}
	if path == "" {
		places = []string{name, "/etc/" + name}
	}
	for _, place := range places {
		src, err := read(place)
		switch {
		case err == nil && len(src) > maxFileSize:
			return nil, fmt.Errorf("reading the %s %s: it has more than %d bytes; is it the right file?", what, place, maxFileSize)
		case err == nil:
			return parse(place, src)
		case path != "" || !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("reading the %s: %w", what, err)
		}
	}
	return nil, fmt.Errorf("looking for a %s, which is %s: %w", what, strings.Join(places, " or "), ErrNoFile)
}

// read reads a file, up to the first byte that is too many.
func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // nothing was written
	return io.ReadAll(io.LimitReader(f, maxFileSize+1))
}
