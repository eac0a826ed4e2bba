package main

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run writes the logs and returns the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("genlog", flag.ContinueOnError)
	flags.SetOutput(stderr)
	dir := flags.String("o", ".", "the `directory` to write to")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	for _, s := range sites() {
		log := s.log()
		packed, err := pack(log)
		if err == nil {
			err = os.WriteFile(filepath.Join(*dir, s.group+".log.gz"), packed, 0o644)
		}
		if err != nil {
			_, _ = fmt.Fprintln(stderr, "genlog:", err)
			return 1
		}
		_, _ = fmt.Fprintf(stdout, "%s: %d lines, %d bytes, %d compressed\n", s.name, bytes.Count(log, []byte{'\n'}), len(log), len(packed))
	}
	return 0
}

// pack compresses b. The header has neither name nor time in it.
func pack(b []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(b); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
