package tail

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// LineNames are how many lines of one file have been named. Each file has an epoch of its own, so that the
// names of its lines depend on nothing but the file: lines that are read again after a crash get the
// same ones, whatever was rotated meanwhile.
type LineNames struct {
	Epoch uint64
	// Rules are those of [Naming] at the time.
	Rules string
	// Streams are the lists of groups that lines went to, by number of stream.
	Streams []Stream

	fresh []count // since the last cut
}

// Naming says how the lines of files get names.
type Naming struct {
	// Epoch returns a new epoch.
	Epoch func() uint64
	// Rules identify what decides where lines go and what they contain. If they have changed since the
	// position was saved, the files get new epochs.
	Rules string
	// Over is called with the names of a file that gets no further ones. After a restart it may be called
	// again with the same ones. It may be nil.
	Over func(*LineNames)
}

// Name gives names to the lines that Run passes on. It must come before Run.
func (f *Follower) Name(n Naming) { f.naming = n }

// Stream is a list of groups in a file.
type Stream struct {
	Groups string // with spaces between
	Next   uint64 // number of the next line
}

// count is how many lines a stream got.
type count struct {
	stream int
	lines  uint64
}

// Add adds a stream for a list of groups, and returns its number.
func (n *LineNames) Add(groups string) int {
	n.Streams = append(n.Streams, Stream{Groups: groups})
	return len(n.Streams) - 1
}

// Count notes that n lines of a stream got names.
func (n *LineNames) Count(stream int, lines uint64) {
	n.Streams[stream].Next += lines
	if last := len(n.fresh) - 1; last >= 0 && n.fresh[last].stream == stream {
		n.fresh[last].lines += lines
		return
	}
	n.fresh = append(n.fresh, count{stream, lines})
}

// cut returns what was counted since the last call.
func (n *LineNames) cut() []count {
	if n == nil || len(n.fresh) == 0 {
		return nil
	}
	counts := slices.Clone(n.fresh)
	n.fresh = n.fresh[:0]
	return counts
}

// named returns the names of a file. Before its first line it gets an epoch, which is on disk before a
// line has it. If the rules have changed, it gets another one.
func (f *Follower) named(g *file) *LineNames {
	if f.naming.Epoch == nil {
		return nil
	}
	if g.names == nil || g.names.Rules != f.naming.Rules {
		f.over(g.names)
		g.names = &LineNames{Epoch: f.naming.Epoch(), Rules: f.naming.Rules}
		for i := range g.given {
			g.given[i].counts = nil
		}
		f.save()
	}
	return g.names
}

// over reports that no further lines get names of an epoch.
func (f *Follower) over(n *LineNames) {
	if n != nil && len(n.Streams) > 0 && f.naming.Over != nil {
		f.naming.Over(n)
	}
}

// safeNames are those up to the safe spot.
func (g *file) safeNames() *LineNames {
	if g.names == nil {
		return nil
	}
	n := &LineNames{Epoch: g.names.Epoch, Rules: g.names.Rules, Streams: slices.Clone(g.names.Streams)}
	for _, given := range g.given {
		for _, c := range given.counts {
			n.Streams[c.stream].Next -= c.lines
		}
	}
	return n
}

func (n *LineNames) append(b []byte) []byte {
	b = fmt.Appendf(b, "names %d %q\n", n.Epoch, n.Rules)
	for _, s := range n.Streams {
		b = fmt.Appendf(b, "stream %d %s\n", s.Next, s.Groups)
	}
	return b
}

// parseNames reads a line of append, and reports whether it is one.
func (p *place) parseNames(line string) bool {
	word, rest, _ := strings.Cut(line, " ")
	number, rest, _ := strings.Cut(rest, " ")
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return false
	}
	switch word {
	case "names":
		rules, err := strconv.Unquote(rest)
		p.names = &LineNames{Epoch: n, Rules: rules}
		return err == nil
	case "stream":
		if p.names == nil || rest == "" {
			return false
		}
		p.names.Streams = append(p.names.Streams, Stream{Groups: rest, Next: n})
		return true
	default:
		return false
	}
}
