package peer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"time"

	"github.com/spreadd/spreadd/logs/internal/fields"
	"github.com/spreadd/spreadd/logs/internal/lineindex"
)

// Client and server begin with the magic. Then the client sends requests, one after the other, and
// the server answers each. Both are frames:
//
//	0  4  n, length of what follows: 1 to maxFrame; big endian
//	4  1  kind
//	5     body
//
// A request has one frame. An answer has any number of frames of kind wait and data, and ends with
// one of kind end or failed. docs/spec/log-protocol.md has the bodies.
const (
	magic    = "\xffLF\x01"
	maxFrame = 256 << 10

	reqLogs    = 'L'
	reqReady   = 'R'
	reqFiles   = 'F'
	reqIndex   = 'I'
	reqContent = 'C'
	reqDigest  = 'D'
	reqInvite  = 'P'

	ansWait   = 'w'
	ansData   = 'd'
	ansEnd    = 'e'
	ansFailed = 'x'
)

// Limits of what a message lists.
const (
	maxLogs   = 4096
	maxGroups = 4096
)

// errMalformed means that a frame is not what it should be.
var errMalformed = errors.New("malformed frame")

// appendFrame appends a frame whose body write appends.
func appendFrame(b []byte, kind byte, write func([]byte) []byte) []byte {
	at := len(b)
	b = append(b, 0, 0, 0, 0, kind)
	if write != nil {
		b = write(b)
	}
	binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	return b
}

// readFrame reads a frame into buf, which grows as needed. The body is valid until the next use of
// buf.
func readFrame(r io.Reader, buf []byte) (kind byte, body, grown []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, buf, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n < 1 || n > maxFrame {
		return 0, nil, buf, fmt.Errorf("a frame of %d bytes: %w", n, errMalformed)
	}
	if int(n)-1 > cap(buf) {
		buf = make([]byte, n-1)
	}
	buf = buf[:n-1]
	_, err = io.ReadFull(r, buf)
	return head[4], buf, buf, err
}

// Log describes a log that a server has.
type Log struct {
	// Name is the template of its files below its directory.
	Name string
	// Config stands for the configuration of the log. Only logs with equal configurations have
	// equal files.
	Config string
	// Latest is the latest time of the log's lines before the views, by which the files of the next
	// lines are chosen; zero if it has none, and in the answer to Logs.
	Latest time.Time
}

// View is a point in the order of a group's messages, at which a log host joined.
type View struct {
	Group string
	ID    string // of the membership
	// Member says that the asked log host is in that membership.
	Member bool
}

// Ready asks a log host to answer when it has written everything that came before the views.
type Ready struct {
	Host  string
	Views []View
}

func (q *Ready) append(b []byte) []byte {
	b = fields.AppendString(b, q.Host)
	b = binary.AppendUvarint(b, uint64(len(q.Views)))
	for _, v := range q.Views {
		b = fields.AppendString(fields.AppendString(b, v.Group), v.ID)
		b = append(b, flag(v.Member))
	}
	return b
}

func (q *Ready) decode(body []byte) error {
	r := fields.Reader{Rest: body}
	*q = Ready{Host: r.String()}
	for i := r.UpTo(maxGroups); i > 0 && !r.Bad; i-- {
		q.Views = append(q.Views, View{r.String(), r.String(), r.Byte() == 1})
	}
	return ended(&r)
}

func flag(is bool) byte {
	if is {
		return 1
	}
	return 0
}

func ended(r *fields.Reader) error {
	if r.Bad {
		return errMalformed
	}
	return nil
}

func appendLog(b []byte, l *Log) []byte {
	b = fields.AppendString(fields.AppendString(b, l.Name), l.Config)
	if l.Latest.IsZero() {
		return binary.AppendVarint(b, math.MinInt64)
	}
	return binary.AppendVarint(b, l.Latest.Unix())
}

func decodeLog(r *fields.Reader) (l Log) {
	l = Log{Name: r.String(), Config: r.String()}
	if seconds := r.Varint(); seconds != math.MinInt64 {
		l.Latest = time.Unix(seconds, 0)
	}
	return l
}

func appendEntry(b []byte, e *lineindex.Entry) []byte {
	b = fields.AppendString(b, e.Name)
	b = binary.BigEndian.AppendUint64(b, e.Generation)
	return binary.AppendUvarint(b, uint64(max(0, e.Age/time.Second)))
}

func decodeEntry(r *fields.Reader) (e lineindex.Entry) {
	e.Name = r.String()
	for range 8 {
		e.Generation = e.Generation<<8 | uint64(r.Byte())
	}
	e.Age = time.Duration(r.UpTo(math.MaxInt64/uint64(time.Second))) * time.Second
	return e
}

// request is a request for files of a log.
type request struct {
	log   string // its name
	entry lineindex.Entry
	off   int64 // of content; for a digest, how much of the content
}

func (q *request) append(b []byte) []byte {
	b = appendEntry(fields.AppendString(b, q.log), &q.entry)
	return binary.AppendUvarint(b, uint64(q.off))
}

func (q *request) decode(body []byte) error {
	r := fields.Reader{Rest: body}
	*q = request{log: r.String(), entry: decodeEntry(&r), off: int64(r.UpTo(math.MaxInt64))}
	return ended(&r)
}

// Digest is what a log host says about the content of a file.
type Digest struct {
	Bytes, Lines int64
	Sum          [32]byte // SHA-256
}

func (d *Digest) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(d.Bytes))
	b = binary.AppendUvarint(b, uint64(d.Lines))
	return append(b, d.Sum[:]...)
}

func (d *Digest) decode(body []byte) error {
	r := fields.Reader{Rest: body}
	d.Bytes, d.Lines = int64(r.UpTo(math.MaxInt64)), int64(r.UpTo(math.MaxInt64))
	if r.Bad || len(r.Rest) < len(d.Sum) {
		return errMalformed
	}
	copy(d.Sum[:], r.Rest)
	return nil
}

// The codes of failures that a client can tell apart.
const (
	codeOther = iota
	codeNotExist
	codeChanged
	codeDamaged
	codeNoLog
)

// ErrNoLog means that a log host has no log of that name.
var ErrNoLog = errors.New("the log host has no such log")

var failures = []error{codeNotExist: fs.ErrNotExist, codeChanged: lineindex.ErrChanged, codeDamaged: lineindex.ErrDamaged, codeNoLog: ErrNoLog}

func appendFailure(b []byte, err error) []byte {
	code := byte(codeOther)
	for i, known := range failures {
		if known != nil && errors.Is(err, known) {
			code = byte(i)
		}
	}
	text := err.Error()
	return append(append(b, code), text[:min(len(text), 1000)]...)
}

// Failure is an error that a log host reports.
type Failure struct {
	Text string
	Err  error // what is known about it; may be nil
}

// Error implements error.
func (f *Failure) Error() string { return "the other log host: " + f.Text }

// Unwrap returns what is known about the error.
func (f *Failure) Unwrap() error { return f.Err }

func decodeFailure(body []byte) error {
	if len(body) == 0 {
		return errMalformed
	}
	f := &Failure{Text: fmt.Sprintf("%q", body[1:])}
	if code := int(body[0]); code < len(failures) {
		f.Err = failures[code]
	}
	return f
}
