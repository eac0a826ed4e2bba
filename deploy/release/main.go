package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spreadd/spreadd/internal/flags"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	stdout, stderr := flags.Streams("release")
	status := run(ctx, os.Args[1:], stdout, stderr)
	stop()
	os.Exit(status)
}

// options are the settings of the command line.
type options struct {
	dir     string
	version string
	targets []string
	pages   bool // alone
	set     *flags.Set
}

// allTargets are the systems that archives are made for.
func allTargets() []string {
	return []string{
		"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64",
		"freebsd/amd64", "freebsd/arm64", "windows/amd64", "windows/arm64",
	}
}

var goodVersion = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+(-[0-9a-z.]+)?$`)

func parse(args []string) (options, error) {
	var o options
	s := flags.New(flags.Program{
		Name:     "release",
		Usage:    []string{"-o DIR -release VERSION [-target SYSTEM/PROCESSOR ...]"},
		About:    "Builds archives, packages and checksums of a release. Run it in the root of the repository.",
		Examples: []flags.Example{{Args: "-o dist -release 0.2.0", Text: "build everything for all systems"}},
	})
	o.set = s
	s.Group("Release")
	s.String(&o.dir, "o", "DIR", "directory for the results; made if missing")
	s.Func("release", "VERSION", "version, such as 0.2.0 or 0.2.0-rc.1", func(text string) error {
		if o.version = text; !goodVersion.MatchString(text) {
			return errors.New("want a version such as 0.2.0 or 0.2.0-rc.1")
		}
		return nil
	})
	s.Func("target", "SYSTEM/PROCESSOR...", "build for this system alone (default: all)", func(text string) error {
		for _, t := range allTargets() {
			if t == text {
				o.targets = append(o.targets, t)
				return nil
			}
		}
		return fmt.Errorf("want one of %s", strings.Join(allTargets(), ", "))
	})
	s.Bool(&o.pages, "pages", "write man pages and completion, and nothing else")
	err := s.Parse(args)
	switch {
	case err != nil:
	case o.dir == "":
		err = errors.New("no directory for the results: add -o DIR")
	case o.version == "" && !o.pages:
		err = errors.New("no version: add -release VERSION")
	}
	if len(o.targets) == 0 {
		o.targets = allTargets()
	}
	return o, err
}

// run is the program. It returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args)
	if err != nil {
		return o.set.Answer(err, stdout, stderr)
	}
	if err := o.build(ctx, stdout); err != nil {
		fmt.Fprintf(stderr, "release: %v\n", err)
		return flags.Failed
	}
	return flags.OK
}

// release is one build.
type release struct {
	version string
	commit  string
	time    time.Time // of the commit; files in archives and packages have it
	work    string    // directory for what is only needed while building
	out     string
	log     io.Writer
}

// build makes what the options ask for.
func (o *options) build(ctx context.Context, log io.Writer) (err error) {
	r := &release{version: o.version, out: o.dir, log: log}
	if r.work, err = os.MkdirTemp("", "spreadd-release"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.work)) }()
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	if err := r.findCommit(ctx); err != nil {
		return err
	}
	pages := filepath.Join(r.work, "pages")
	if o.pages {
		pages = r.out
	}
	if err := r.writePages(ctx, pages); err != nil || o.pages {
		return err
	}
	for _, target := range o.targets {
		if err := r.target(ctx, target, pages); err != nil {
			return fmt.Errorf("%s: %w", target, err)
		}
	}
	return r.sums()
}

// findCommit finds the commit and its time. Without a repository it takes SOURCE_DATE_EPOCH, or the
// beginning of time, so that the results are the same again.
func (r *release) findCommit(ctx context.Context) error {
	r.commit, r.time = "unknown", time.Unix(0, 0)
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if out, err := exec.CommandContext(ctx, "git", "log", "-1", "--format=%H %ct").Output(); err == nil {
		commit, when, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
		if r.commit = commit; text == "" {
			text = when
		}
	}
	if text == "" {
		return nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return fmt.Errorf("SOURCE_DATE_EPOCH is %q: want seconds since 1970", text)
	}
	r.time = time.Unix(seconds, 0)
	return nil
}

// target builds the programs for a system, its archive and its packages.
func (r *release) target(ctx context.Context, target, pages string) error {
	system, processor, _ := strings.Cut(target, "/")
	bin, err := r.compile(ctx, system, processor)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("spreadd-%s-%s-%s", r.version, system, processor)
	if err := r.archive(name, system, bin, pages); err != nil || system != "linux" {
		return err
	}
	return r.packages(ctx, processor, bin, pages)
}

// compile builds all programs for a system, unless it has, and returns their directory.
func (r *release) compile(ctx context.Context, system, processor string) (dir string, err error) {
	dir = filepath.Join(r.work, "bin", system+"-"+processor)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	const info = "github.com/spreadd/spreadd/internal/buildinfo"
	link := fmt.Sprintf("-s -w -buildid= -X %[1]s.version=%[2]s -X %[1]s.commit=%[3]s -X %[1]s.date=%[4]s",
		info, r.version, r.commit, r.time.UTC().Format(time.DateOnly))
	args := []string{"build", "-trimpath", "-buildvcs=false", "-ldflags", link, "-o", dir + string(filepath.Separator)}
	for _, p := range programs() {
		args = append(args, "./cmd/"+p.name)
	}
	return dir, r.command(ctx, []string{"CGO_ENABLED=0", "GOOS=" + system, "GOARCH=" + processor, "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS="}, "go", args...)
}

// command runs a command with its output in the log.
func (r *release) command(ctx context.Context, env []string, name string, args ...string) error {
	c := exec.CommandContext(ctx, name, args...)
	c.Env = append(os.Environ(), env...)
	c.Stdout, c.Stderr = r.log, r.log
	if err := c.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", name, args[0], err)
	}
	return nil
}
