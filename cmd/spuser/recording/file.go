package recording

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

const (
	// format is the version of the format.
	format = 1
	// maxLine bounds a line of a recording, in bytes.
	maxLine = 16 << 20
)

// Encoder writes events as lines of JSON.
type Encoder struct{ json *json.Encoder }

// NewEncoder returns an encoder of a recording, or of the output of -json.
func NewEncoder(w io.Writer) *Encoder {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return &Encoder{enc}
}

// Write writes an event. Without a time it is of now.
func (w *Encoder) Write(e Event) error {
	if e.Time.IsZero() {
		e.Time = time.Now().UTC()
	}
	return w.json.Encode(e)
}

// Header is the first event of a recording of groups.
func Header(groups []string) Event { return Event{Event: Start, Format: format, Groups: groups} }

// Recording is a recording in memory.
type Recording struct {
	Name   string // of the file
	Events []Event
}

// Read reads a recording.
func Read(name string, r io.Reader) (*Recording, error) {
	rec := &Recording{Name: name}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		var e Event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			if n > 1 && errors.As(err, new(*json.SyntaxError)) && !lines.Scan() {
				break // the last line was cut when the recorder was killed
			}
			return nil, fmt.Errorf("%s, line %d: not an event of a recording: %w", name, n, err)
		}
		if e.Event == "" {
			return nil, fmt.Errorf(`%s, line %d: not an event of a recording: no field "event"`, name, n)
		}
		if e.Format > format {
			return nil, fmt.Errorf("%s: recorded by a newer spuser (format %d, this one reads up to %d)", name, e.Format, format)
		}
		e.line = n
		rec.Events = append(rec.Events, e)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", name, err)
	}
	if len(rec.Events) == 0 {
		return nil, fmt.Errorf("%s: no events", name)
	}
	return rec, nil
}

// groups are the groups whose views the recording has, sorted.
func (r *Recording) groups() []string {
	var all []string
	for i := range r.Events {
		if e := &r.Events[i]; e.View() && !slices.Contains(all, e.Group) {
			all = append(all, e.Group)
		}
	}
	slices.Sort(all)
	return all
}

// Daemon is the daemon that the recorder was connected to, or the name of the file.
func (r *Recording) Daemon() string {
	for i := range r.Events {
		if e := &r.Events[i]; e.Event == Connected {
			return DaemonOf(e.PrivateGroup)
		}
	}
	return r.Name
}
