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

// Places of the default search, in order (daemon-operations §2, spread-conf §7.1).
func configPlaces() []string { return []string{"spread.conf", "/etc/spread.conf"} }

func accessIPPlaces() []string { return []string{"spread.access_ip", "/etc/spread.access_ip"} }

func accessPwordPlaces() []string {
	return []string{"spread.access_pword", "/etc/spread.access_pword"}
}

// Find returns the configuration file to use: path if it is not empty, otherwise ./spread.conf or
// /etc/spread.conf. An existing file that cannot be read is an error, and so is a named file that
// does not exist: no other file ever replaces the one that an operator asked for. If no file is
// named and none exists in the default locations, the error is ErrNoFile.
func Find(path string) (string, error) {
	return find("configuration file", path, configPlaces())
}

// Load finds a configuration file as Find does, and parses it. Config.File is the file that was
// found.
func Load(path string, env Environment) (*Config, error) {
	path, src, err := load("configuration file", path, configPlaces())
	if err != nil {
		return nil, err
	}
	return Parse(path, src, env)
}

// LoadAccessIP reads the rules of method IP: from path if it is not empty, otherwise from
// ./spread.access_ip or /etc/spread.access_ip. If none of those exists, the error is ErrNoFile;
// method IP then rejects everyone, as a nil *AccessIP does.
func LoadAccessIP(path string) (*AccessIP, error) {
	path, src, err := load("access file", path, accessIPPlaces())
	if err != nil {
		return nil, err
	}
	return ParseAccessIP(path, src)
}

// LoadAccessPword reads the users of method PWORD: from path if it is not empty, otherwise from
// ./spread.access_pword or /etc/spread.access_pword. If none of those exists, the error is
// ErrNoFile.
func LoadAccessPword(path string) (*AccessPword, error) {
	path, src, err := load("password file", path, accessPwordPlaces())
	if err != nil {
		return nil, err
	}
	return ParseAccessPword(path, src)
}

// find returns path, or the first of the places that has a file.
func find(what, path string, places []string) (string, error) {
	if path != "" {
		places = []string{path}
	}
	for _, place := range places {
		f, err := os.Open(place)
		if err == nil {
			err = isFile(f)
			_ = f.Close() // nothing was written
		}
		switch {
		case err == nil:
			return place, nil
		case path == "" && errors.Is(err, fs.ErrNotExist):
		default:
			return "", fmt.Errorf("reading the %s: %w", what, err)
		}
	}
	return "", fmt.Errorf("looking for a %s, which is %s: %w", what, strings.Join(places, " or "), ErrNoFile)
}

// isFile refuses directories, which can be opened but not read.
func isFile(f *os.File) error {
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = &fs.PathError{Op: "read", Path: f.Name(), Err: errors.New("is a directory")}
	}
	return err
}

func load(what, path string, places []string) (string, []byte, error) {
	path, err := find(what, path, places)
	if err != nil {
		return "", nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return "", nil, fmt.Errorf("reading the %s: %w", what, err)
	}
	defer func() { _ = f.Close() }() // nothing was written
	src, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil {
		return "", nil, fmt.Errorf("reading the %s: %w", what, err)
	}
	if len(src) > maxFileSize {
		return "", nil, fmt.Errorf("reading the %s %s: it has more than %d bytes; is it the right file?", what, path, maxFileSize)
	}
	return path, src, nil
}
