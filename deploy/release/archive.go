package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// entry is a file of an archive.
type entry struct {
	name string // within the archive
	path string
	mode fs.FileMode
}

// archive packs the programs of a system with documents, and on systems with man pages those.
func (r *release) archive(name, system, bin, pages string) error {
	var list []entry
	add := func(to, from string, mode fs.FileMode) error {
		return filepath.WalkDir(from, func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			rel, err := filepath.Rel(from, p)
			list = append(list, entry{path.Join(name, to, filepath.ToSlash(rel)), p, mode})
			return err
		})
	}
	err := errors.Join(add("bin", bin, 0o755), add("LICENSE", "LICENSE", 0o644),
		add("README.md", "README.md", 0o644), add("CHANGELOG.md", "CHANGELOG.md", 0o644),
		add("examples", "deploy/packages/etc", 0o644))
	if system != "windows" {
		for _, dir := range []string{"man1", "man5", "man8"} {
			err = errors.Join(err, add("man/"+dir, filepath.Join(pages, dir), 0o644))
		}
		for _, shell := range []string{"bash", "zsh", "fish"} {
			err = errors.Join(err, add("completion/"+shell, filepath.Join(pages, shell), 0o644))
		}
	}
	if system == "linux" {
		err = errors.Join(err, add("systemd", "deploy/systemd", 0o644))
	}
	if err != nil {
		return err
	}
	if system == "windows" {
		return r.create(name+".zip", func(w io.Writer) error { return r.zipTo(w, list) })
	}
	return r.create(name+".tar.gz", func(w io.Writer) error { return r.tarTo(w, list) })
}

// create writes a file of the release.
func (r *release) create(name string, write func(io.Writer) error) (err error) {
	f, err := os.Create(filepath.Join(r.out, name))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	fmt.Fprintln(r.log, name)
	return write(f)
}

func (r *release) tarTo(w io.Writer, list []entry) error {
	z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	t := tar.NewWriter(z)
	for _, e := range list {
		content, err := os.ReadFile(e.path)
		if err != nil {
			return err
		}
		h := &tar.Header{Name: e.name, Mode: int64(e.mode), Size: int64(len(content)), ModTime: r.time, Format: tar.FormatUSTAR, Uname: "root", Gname: "root"}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		if _, err := t.Write(content); err != nil {
			return err
		}
	}
	return errors.Join(t.Close(), z.Close())
}

func (r *release) zipTo(w io.Writer, list []entry) error {
	z := zip.NewWriter(w)
	for _, e := range list {
		content, err := os.ReadFile(e.path)
		if err != nil {
			return err
		}
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: r.time.UTC()}
		h.SetMode(e.mode)
		f, err := z.CreateHeader(h)
		if err != nil {
			return err
		}
		if _, err := f.Write(content); err != nil {
			return err
		}
	}
	return z.Close()
}

// sums writes SHA256SUMS of all files of the release, for sha256sum -c.
func (r *release) sums() error {
	list, err := os.ReadDir(r.out)
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, e := range list {
		if e.IsDir() || e.Name() == "SHA256SUMS" {
			continue
		}
		content, err := os.ReadFile(filepath.Join(r.out, e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%x  %s\n", sha256.Sum256(content), e.Name())
	}
	return r.create("SHA256SUMS", func(w io.Writer) error {
		_, err := io.WriteString(w, b.String())
		return err
	})
}
