package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// packageNames are the packages, each described by a file in deploy/packages.
func packageNames() []string { return []string{"spreadd", "spread-logs", "spread-tools"} }

// packages makes the packages of a processor for Debian and RPM systems. nfpm reads what it packs
// from the directory stage, as deploy/packages/*.yaml say.
func (r *release) packages(ctx context.Context, processor, bin, pages string) error {
	stage := filepath.Join(r.work, "stage-"+processor)
	if err := r.stage(stage, bin, pages); err != nil {
		return err
	}
	nfpm, err := r.findNfpm(ctx)
	if err != nil {
		return err
	}
	env := []string{
		"STAGE=" + stage, "VERSION=" + r.version, "ARCH=" + processor,
		fmt.Sprintf("SOURCE_DATE_EPOCH=%d", r.time.Unix()),
	}
	for _, name := range packageNames() {
		for _, kind := range []string{"deb", "rpm"} {
			if err := r.command(ctx, env, nfpm, "package", "--config", filepath.Join("deploy", "packages", name+".yaml"), "--packager", kind, "--target", r.out); err != nil {
				return err
			}
		}
	}
	return nil
}

// findNfpm builds the version that .ci/tools/nfpm.mod pins.
func (r *release) findNfpm(ctx context.Context) (path string, err error) {
	dir := filepath.Join(r.work, "nfpm")
	path = filepath.Join(dir, "nfpm")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	mod, err := filepath.Abs(".ci/tools/nfpm.mod")
	if err != nil {
		return "", err
	}
	env := []string{"GOFLAGS=", "GOOS=", "GOARCH=", "CGO_ENABLED=0"}
	return path, r.command(ctx, env, "go", "build", "-C", ".ci/tools", "-modfile="+mod, "-o", path, "github.com/goreleaser/nfpm/v2/cmd/nfpm")
}

// stage puts together what the packages contain, with their permissions.
func (r *release) stage(dir, bin, pages string) error {
	err := os.CopyFS(filepath.Join(dir, "etc"), os.DirFS("deploy/packages/etc"))
	for _, p := range programs() {
		to := "usr/bin/"
		if p.section == 8 {
			to = "usr/sbin/"
		}
		err = errors.Join(err, place(filepath.Join(bin, p.name), filepath.Join(dir, to+p.name)))
	}
	for from, to := range map[string]string{"bash": "bash-completion/completions", "zsh": "zsh/vendor-completions", "fish": "fish/vendor_completions.d"} {
		err = errors.Join(err, os.CopyFS(filepath.Join(dir, "usr/share", to), os.DirFS(filepath.Join(pages, from))))
	}
	for _, man := range []string{"man1", "man5", "man8"} {
		list, e := os.ReadDir(filepath.Join(pages, man))
		err = errors.Join(err, e)
		for _, p := range list {
			err = errors.Join(err, compress(filepath.Join(pages, man, p.Name()), filepath.Join(dir, "usr/share/man", man, p.Name()+".gz")))
		}
	}
	for _, name := range packageNames() {
		doc := filepath.Join(dir, "usr/share/doc", name)
		err = errors.Join(err, compress("CHANGELOG.md", filepath.Join(doc, "CHANGELOG.md.gz")), copyright(filepath.Join(doc, "copyright")), r.changelog(name, doc))
	}
	return err
}

// changelog writes the changes of a package in the form that Debian wants.
func (r *release) changelog(name, doc string) error {
	path := filepath.Join(r.work, name+".changelog")
	text := fmt.Sprintf("%[1]s (%[2]s-1) unstable; urgency=medium\n\n  * Release %[2]s: see /usr/share/doc/%[1]s/CHANGELOG.md.gz.\n\n -- %[3]s  %[4]s\n",
		name, strings.Replace(r.version, "-", "~", 1), "The spreadd authors <spreadd@users.noreply.github.com>", r.time.UTC().Format(time.RFC1123Z))
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return err
	}
	return compress(path, filepath.Join(doc, "changelog.gz"))
}

// place moves a program.
func place(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.Link(from, to)
}

// copyright writes the license in the form that Debian wants.
func copyright(path string) error {
	license, err := os.ReadFile("LICENSE")
	if err != nil {
		return err
	}
	head, _, _ := strings.Cut(string(license), "TERMS AND CONDITIONS")
	if !strings.Contains(head, "Apache License") {
		return errors.New("LICENSE is not the Apache License: mend the copyright of the packages")
	}
	return os.WriteFile(path, []byte(`Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Source: https://github.com/spreadd/spreadd

Files: *
Copyright: 2026 The spreadd authors
License: Apache-2.0
 On Debian systems, the full text of the Apache License, Version 2.0, is in
 /usr/share/common-licenses/Apache-2.0.
`), 0o644)
}
