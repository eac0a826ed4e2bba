package tail

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/internal/pause"
)

const (
	journalHeader = "spreadd journal 1 "
	// maxEntry bounds an entry as JSON. A longer one is an error of the journal.
	maxEntry = 64 << 20
	// waitFirst and waitLongest are the pauses before journalctl is started again.
	waitFirst   = time.Second
	waitLongest = time.Minute
	// batchBytes bounds the lines that are passed on in one call.
	batchBytes = 64 << 10
)

// JournalConfig says what to follow of the journal of systemd.
type JournalConfig struct {
	// Command is the path of journalctl. Empty means the one in PATH.
	Command string
	// Match are the matches of journalctl, such as "_SYSTEMD_UNIT=nginx.service". None means all entries.
	Match []string
	// State and FromStart are as in [Config].
	State     string
	FromStart bool
	// Raw passes on whole entries as JSON, in place of their messages.
	Raw bool
	// OnEvent is called with events for the operator's log. It may be nil.
	OnEvent func(what string, err error)
}

// JournalFollower follows the journal of systemd. The journal's cursor of the last safe line is the position.
type JournalFollower struct {
	cfg    JournalConfig
	to     Taker
	naming Naming
	state  string
	cursor string // behind which to go on
	safe   string // up to which all lines are safe
	names  *LineNames
	given  []journalGiven
	wrote  []byte
	failed bool
	reason string // the last one reported
	left   atomic.Bool
	hinted atomic.Bool
}

// remark begins what journalctl prints in place of entries.
var remark = []byte("-- ")

// maxHead bounds what is kept of the standard error of journalctl.
const maxHead = 500

// journalGiven are lines that were passed on and are not known to be safe.
type journalGiven struct {
	mark   uint64
	cursor string
	counts []count
}

// entry of the journal, with a line or none.
type journalEntry struct {
	cursor string
	line   []byte
}

// NewJournalFollower returns a follower that has not started.
func NewJournalFollower(cfg JournalConfig) (*JournalFollower, error) {
	for _, m := range cfg.Match {
		if m != "+" && !strings.Contains(m, "=") {
			return nil, fmt.Errorf("tail: %q is not a match of journalctl, such as _SYSTEMD_UNIT=nginx.service", m)
		}
	}
	if cfg.OnEvent == nil {
		cfg.OnEvent = func(string, error) {}
	}
	cfg.Command = cmp.Or(cfg.Command, "journalctl")
	j := &JournalFollower{cfg: cfg}
	if cfg.State == "" {
		return j, nil
	}
	if err := os.MkdirAll(cfg.State, 0o700); err != nil {
		return nil, fmt.Errorf("tail: %w", err)
	}
	j.state = statePath(cfg.State, j.id())
	return j, nil
}

// id is what the position is for.
func (j *JournalFollower) id() string {
	return strings.Join(append([]string{"journal"}, j.cfg.Match...), " ")
}

// Name gives names to the lines that Run passes on. It must come before Run.
func (j *JournalFollower) Name(n Naming) { j.naming = n }

// Leave is as that of a [Follower].
func (j *JournalFollower) Leave() { j.left.Store(true) }

// Saved is as that of a [Follower].
func (j *JournalFollower) Saved() bool { return j.wrote != nil }

// Close writes the position.
func (j *JournalFollower) Close() {
	if j.to != nil {
		j.save()
	}
}

// Run follows until ctx ends. It starts journalctl again when that ends.
func (j *JournalFollower) Run(ctx context.Context, to Taker) {
	j.to = to
	j.begin()
	for rest := waitFirst; ctx.Err() == nil; {
		got, err := j.follow(ctx)
		if ctx.Err() != nil {
			break
		}
		if err != nil && err.Error() != j.reason {
			j.reason = err.Error()
			j.cfg.OnEvent("cannot follow the journal; will keep retrying", err)
		}
		if got {
			rest = waitFirst
		}
		_ = pause.For(ctx, rest)
		rest = min(2*rest, waitLongest)
		j.save()
	}
}

// begin reads the saved position.
func (j *JournalFollower) begin() {
	if j.state == "" {
		return
	}
	b, err := readState(fsutil.OS{}, j.state)
	if err == nil {
		err = j.parse(b)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		j.cursor, j.names = "", nil
		j.cfg.OnEvent("cannot read the saved position, starting without it", err)
	}
	j.safe = j.cursor
}

// follow runs journalctl once, and reports whether it had any entries.
func (j *JournalFollower) follow(ctx context.Context) (got bool, err error) {
	args := []string{"--output=json", "--all", "--no-pager"}
	if !j.cfg.Raw {
		args = append(args, "--output-fields=MESSAGE")
	}
	if j.cursor == "" && !j.cfg.FromStart {
		if err := j.findEnd(ctx, args); err != nil {
			return false, err
		}
	}
	args = append(args, "--follow", "--no-tail")
	if j.cursor != "" {
		args = append(args, "--after-cursor="+j.cursor)
	}
	ctx, stop := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, j.cfg.Command, append(args, j.cfg.Match...)...) //nolint:gosec // the operator's command
	stderr := &head{report: j.hint}
	cmd.Stderr, cmd.WaitDelay = stderr, endTime
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		stop()
		return false, err
	}
	entries, ended := make(chan journalEntry, 256), make(chan error, 1)
	go func() {
		ended <- j.read(ctx, stdout, entries)
		close(entries)
	}()
	got = j.pass(ctx, entries)
	stop()
	for range entries { // ends with the process
	}
	err = errors.Join(<-ended, cmd.Wait())
	if text := stderr.String(); text != "" {
		err = fmt.Errorf("journalctl: %s", text)
	}
	return got, cmp.Or(err, errors.New("journalctl ended"))
}

// findEnd makes the newest entry of the journal the position, whatever it is of, so that a kill in the time without lines
// loses none.
func (j *JournalFollower) findEnd(ctx context.Context, args []string) error {
	cmd := exec.CommandContext(ctx, j.cfg.Command, append(slices.Clone(args), "--lines=1")...) //nolint:gosec // the operator's command
	stderr := &head{}
	cmd.Stderr, cmd.WaitDelay = stderr, endTime
	out, err := cmd.Output()
	if err != nil {
		if text := stderr.String(); text != "" {
			err = fmt.Errorf("journalctl: %s", text)
		}
		return err
	}
	var e journalEntry
	if out = bytes.TrimSpace(out); len(out) > 0 && !bytes.HasPrefix(out, remark) {
		if e, err = j.entry(out); err != nil {
			return err
		}
	}
	j.cursor, j.safe = e.cursor, e.cursor // of an empty journal, all entries are new
	if e.cursor != "" {
		j.save()
	}
	return nil
}

// read decodes what journalctl prints.
func (j *JournalFollower) read(ctx context.Context, r io.Reader, entries chan<- journalEntry) error {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, readBytes), maxEntry)
	for s.Scan() {
		if bytes.HasPrefix(s.Bytes(), remark) {
			continue
		}
		e, err := j.entry(s.Bytes())
		if err != nil {
			return err
		}
		select {
		case entries <- e:
		case <-ctx.Done():
			return nil
		}
	}
	return s.Err()
}

// entry decodes an entry. Newlines of its message become spaces.
func (j *JournalFollower) entry(b []byte) (e journalEntry, err error) {
	var o struct {
		Cursor  string          `json:"__CURSOR"`
		Message json.RawMessage `json:"MESSAGE"`
	}
	if err := json.Unmarshal(b, &o); err != nil || o.Cursor == "" {
		return e, fmt.Errorf("an entry of the journal is not the JSON of journalctl: %w", cmp.Or(err, errPosition))
	}
	e.cursor = o.Cursor
	if j.cfg.Raw {
		e.line = append(bytes.Clone(b), '\n')
		return e, nil
	}
	if text, ok := messageOf(o.Message); ok {
		e.line = append(bytes.ReplaceAll(bytes.TrimRight(text, "\n"), []byte{'\n'}, []byte{' '}), '\n')
	}
	return e, nil
}

// messageOf returns the text of a message: a string, or the numbers of its bytes if it is not UTF-8. An entry may have none, or
// several, which no server writes.
func messageOf(b json.RawMessage) (text []byte, ok bool) {
	if len(b) == 0 || string(b) == "null" {
		return nil, false
	}
	var s string
	if json.Unmarshal(b, &s) == nil {
		return []byte(s), true
	}
	var numbers []uint16
	if json.Unmarshal(b, &numbers) != nil {
		return nil, false
	}
	for _, n := range numbers {
		text = append(text, byte(n))
	}
	return text, true
}

// pass passes lines on until there are no more entries, or ctx ends. It reports whether there were any.
func (j *JournalFollower) pass(ctx context.Context, entries <-chan journalEntry) (got bool) {
	tick := time.NewTicker(saveInterval)
	defer tick.Stop()
	var lines []byte
	var batch []journalEntry
	for {
		select {
		case <-ctx.Done():
			return got
		case <-tick.C:
			j.save()
			continue
		case e, ok := <-entries:
			if !ok {
				return got
			}
			lines, batch = append(lines[:0], e.line...), append(batch[:0], e)
		}
		for more := true; more && len(lines) < batchBytes; {
			select {
			case e, ok := <-entries:
				if more = ok; ok {
					lines, batch = append(lines, e.line...), append(batch, e)
				}
			default:
				more = false
			}
		}
		got, j.reason = true, ""
		if !j.give(lines, batch) {
			return got
		}
	}
}

// give passes the lines of entries on, and reports whether all were taken.
func (j *JournalFollower) give(lines []byte, batch []journalEntry) bool {
	took, mark := 0, j.to.Safe()
	if len(lines) > 0 {
		took, mark = j.to.Take(j.named(), lines)
	}
	all := took == len(lines)
	for _, e := range batch {
		if took -= len(e.line); took < 0 {
			break
		}
		j.cursor = e.cursor
	}
	j.given = append(j.given, journalGiven{mark, j.cursor, j.names.cut()})
	return all
}

// named returns the names of the next lines. They get a new epoch if the rules have changed.
func (j *JournalFollower) named() *LineNames {
	if j.naming.Epoch == nil {
		return nil
	}
	if j.names == nil || j.names.Rules != j.naming.Rules {
		if j.names != nil && len(j.names.Streams) > 0 && j.naming.Over != nil {
			j.naming.Over(j.names)
		}
		j.names = &LineNames{Epoch: j.naming.Epoch(), Rules: j.naming.Rules}
		for i := range j.given {
			j.given[i].counts = nil
		}
		j.save()
	}
	return j.names
}

// save writes the position up to which all lines are safe.
func (j *JournalFollower) save() {
	if j.left.Load() {
		return
	}
	safe, n := j.to.Safe(), 0
	for n < len(j.given) && j.given[n].mark <= safe {
		j.safe = j.given[n].cursor
		n++
	}
	j.given = slices.Delete(j.given, 0, n)
	if j.state == "" || j.left.Load() { // while Safe waited for the disk
		return
	}
	b := j.encode()
	if bytes.Equal(b, j.wrote) {
		return
	}
	disk := fsutil.OS{}
	err := writeState(disk, j.state, b)
	if err != nil {
		if !j.failed {
			j.cfg.OnEvent("cannot write the position, lines may come again after a restart", err)
		}
		j.failed = true
		return
	}
	j.wrote, j.failed = b, false
}

// encode returns the position as text, in the form of that of a file.
func (j *JournalFollower) encode() []byte {
	b := fmt.Appendf(nil, "%s%q\ncursor %q\n", journalHeader, j.id(), j.safe)
	if j.names != nil {
		g := file{place: place{names: j.names}}
		for _, given := range j.given {
			g.given = append(g.given, given.as())
		}
		b = g.safeNames().append(b)
	}
	return fmt.Appendf(b, "sum %08x\n", crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
}

func (g journalGiven) as() given { return given{mark: g.mark, counts: g.counts} }

// parse reads the text of encode.
func (j *JournalFollower) parse(b []byte) error {
	i := max(0, bytes.LastIndex(b, []byte("sum ")))
	if string(b[i:]) != fmt.Sprintf("sum %08x\n", crc32.Checksum(b[:i], crc32.MakeTable(crc32.Castagnoli))) {
		return errPosition
	}
	lines := strings.Split(strings.TrimSuffix(string(b[:i]), "\n"), "\n")
	if len(lines) < 2 || lines[0] != journalHeader+strconv.Quote(j.id()) {
		return errPosition
	}
	cursor, err := strconv.Unquote(strings.TrimPrefix(lines[1], "cursor "))
	if err != nil {
		return errPosition
	}
	var p place
	for _, line := range lines[2:] {
		if !p.parseNames(line) {
			return errPosition
		}
	}
	j.cursor, j.names = cursor, p.names
	return nil
}

// hint reports once what journalctl says while it runs, such as that it may not see all entries.
func (j *JournalFollower) hint(text string) {
	if !j.hinted.Swap(true) {
		j.cfg.OnEvent("journalctl has a remark", errors.New(text))
	}
}

// head keeps the first line that is written to it.
type head struct {
	text   []byte
	report func(string) // is called with that line; may be nil
}

// Write implements io.Writer.
func (h *head) Write(b []byte) (int, error) {
	if room := maxHead - len(h.text); room > 0 {
		h.text = append(h.text, b[:min(room, len(b))]...)
		if h.report != nil && bytes.IndexByte(h.text, '\n') >= 0 {
			h.report(strings.ReplaceAll(strings.TrimSpace(string(h.text)), "\n", ";"))
			h.report = nil
		}
	}
	return len(b), nil
}

func (h *head) String() string {
	first, _, _ := strings.Cut(strings.TrimSpace(string(h.text)), "\n")
	return first
}
