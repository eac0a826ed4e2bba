package main

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spreadd/spreadd/daemon/settings"
	"github.com/spreadd/spreadd/internal/conf/tomlconf"
	"github.com/spreadd/spreadd/internal/flags"
	logpub "github.com/spreadd/spreadd/logs/logpub/cli"
	"github.com/spreadd/spreadd/logs/logsub"
)

// writePages writes man pages and completion: man1, man5, man8, bash, zsh and fish below dir.
func (r *release) writePages(ctx context.Context, dir string) error {
	bin, err := r.compile(ctx, runtime.GOOS, runtime.GOARCH)
	if err != nil {
		return err
	}
	date := r.time.UTC().Format("January 2, 2006")
	files := make(map[string]string)
	for _, p := range programs() {
		s, err := describe(ctx, filepath.Join(bin, p.name))
		if err != nil {
			return fmt.Errorf("asking %s for its flags: %w", p.name, err)
		}
		files[fmt.Sprintf("man%d/%s.%[1]d", p.section, p.name)] = programPage(p, s, date)
		files["bash/"+p.name] = bash(s)
		files["zsh/_"+p.name] = zsh(s)
		files["fish/"+p.name+".fish"] = fish(s)
	}
	files["man5/spreadd.toml.5"] = settingsPage("spreadd.toml", "spreadd", "settings of a Spread daemon",
		"What spread.conf, the file of the C daemon, has no place for. A flag of spreadd wins over the key that says the same.",
		tomlconf.Keys(new(settings.Settings)), date)
	files["man5/logpub.toml.5"] = settingsPage("logpub.toml", "logpub", "configuration of logpub",
		"Which lines logpub reads, and where it sends them. It reads the file again on SIGHUP.", tomlconf.Keys(new(logpub.File)), date)
	files["man5/logsub.toml.5"] = settingsPage("logsub.toml", "logsub", "configuration of logsub",
		"Which groups logsub joins, and where it writes their messages.", tomlconf.Keys(new(logsub.File)), date)
	conf, err := os.ReadFile("deploy/packages/spread.conf.5")
	if err != nil {
		return err
	}
	files["man5/spread.conf.5"] = string(conf)
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// describe asks a program for its flags.
func describe(ctx context.Context, program string) (*flags.Set, error) {
	text, err := exec.CommandContext(ctx, program, "-describe").Output()
	if err != nil {
		return nil, err
	}
	s := new(flags.Set)
	return s, json.Unmarshal(text, s)
}

// compress writes a file compressed, as man pages are installed.
func compress(from, to string) (err error) {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	z, err := gzip.NewWriterLevel(f, gzip.BestCompression)
	if err != nil {
		return err
	}
	z.ModTime = time.Time{}
	if _, err := z.Write(text); err != nil {
		return err
	}
	return z.Close()
}
