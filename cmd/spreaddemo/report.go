package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spreadd/spreadd/cmd/spreaddemo/weblog"
)

// Report says which lines arrived.
type Report struct {
	Sites []Site
	// Took is from the first line to the arrival of the last.
	Took time.Duration
	// Dir holds the log hosts' files, which stay there if Kept is set.
	Dir  string
	Kept bool
	// Plain: lines were sent as mod_log_spread did.
	Plain bool
}

// Site is one site's part of a report.
type Site struct {
	Name, Group string
	// Took lines were read by the publisher, Sent of them delivered to its daemon, or to the ring.
	Took, Sent int64
	// Resent is how many of these were sent twice, because it was not certain that they had arrived
	// when the connection ended.
	Resent int64
	// Files has one entry for each log host.
	Files []File
	// Identical: the files of all log hosts are equal to the byte.
	Identical bool
}

// File is a log host's file of one site.
type File struct {
	Path  string
	Lines int64
	// Missing lines were sent and are not in the file; Extra lines are in it more often than sent.
	Missing, Extra int64
}

func (f *farm) report(took time.Duration) (*Report, error) {
	r := &Report{Took: took, Dir: f.cfg.Dir, Plain: f.cfg.Plain}
	for i, s := range f.sites {
		st := f.pubs[i].Stats()
		site := Site{Name: s.Name, Group: s.Group, Took: st.Took, Sent: st.Sent, Resent: st.Resent, Identical: true}
		var first []byte
		for host, h := range f.logHosts {
			path := h.files[i].path
			content, err := os.ReadFile(path)
			if err != nil {
				return nil, fmt.Errorf("cannot read a file of %s: %w", h.name, err)
			}
			if host == 0 {
				first = content
			}
			site.Identical = site.Identical && bytes.Equal(first, content)
			file := compare(s, f.cfg.Rounds, content)
			file.Path = path
			site.Files = append(site.Files, file)
		}
		r.Sites = append(r.Sites, site)
	}
	return r, nil
}

// compare compares a file with the lines that were sent, in any order.
func compare(s weblog.Site, rounds int, content []byte) File {
	var f File
	count := make(map[string]int64)
	for line := range s.Lines() {
		count[string(line)] += int64(rounds)
	}
	for line := range bytes.Lines(content) {
		f.Lines++
		count[string(line)]--
	}
	for _, n := range slices.Sorted(maps.Values(count)) {
		f.Missing += max(n, 0)
		f.Extra += max(-n, 0)
	}
	return f
}

// Err returns the faults, or nil.
func (r *Report) Err() error {
	var errs []error
	for _, s := range r.Sites {
		if s.Sent != s.Took {
			errs = append(errs, fmt.Errorf("%s: %d of %d lines were not sent", s.Name, s.Took-s.Sent, s.Took))
		}
		for _, f := range s.Files {
			// Sent plainly, lines that are under way to something that dies are lost, and lines
			// that may not have arrived are sent again.
			if !r.Plain && f.Missing+f.Extra > 0 || f.Extra > s.Resent {
				errs = append(errs, fmt.Errorf("%s: %d lines are lost, %d repeated", f.Path, f.Missing, f.Extra))
			}
		}
		if !r.Plain && !s.Identical {
			errs = append(errs, fmt.Errorf("%s: the log hosts' files differ", s.Name))
		}
	}
	return errors.Join(errs...)
}

// Write prints the report. Its table has at most 80 columns.
func (r *Report) Write(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "\nsite\tin\t")
	if len(r.Sites) > 0 {
		for i := range r.Sites[0].Files {
			fmt.Fprintf(t, "out %d\t", i+1)
		}
	}
	fmt.Fprint(t, "lost\trepeated\tidentical\n")
	var in, lost, repeated int64
	for _, s := range r.Sites {
		fmt.Fprintf(t, "%s\t%d\t", s.Name, s.Took)
		var missing, extra int64
		for _, f := range s.Files {
			fmt.Fprintf(t, "%d\t", f.Lines)
			missing, extra = max(missing, f.Missing), max(extra, f.Extra)
		}
		fmt.Fprintf(t, "%d\t%d\t%s\n", missing, extra, yesNo(s.Identical))
		in, lost, repeated = in+s.Took, lost+missing, repeated+extra
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\n%d lines in %v, %.0f lines/s to each log host: %d lost, %d repeated\n",
		in, r.Took.Round(time.Millisecond), float64(in)/r.Took.Seconds(), lost, repeated)
	if r.Plain && lost > 0 {
		fmt.Fprintln(w, "They were under way when something died. Without -plain, none is lost.")
	}
	if r.Kept {
		fmt.Fprintf(w, "The files are in %s.\n", r.Dir)
	}
	return nil
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "NO"
}
