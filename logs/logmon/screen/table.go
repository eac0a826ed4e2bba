package screen

import "strings"

// table is a list with its columns.
type table struct {
	columns []column
	rows    [][]string
	styles  []func(string) string // of rows
}

// column is a column of a table. Columns with flex share the remaining room in this proportion and
// are aligned left.
type column struct {
	head  string
	width int // in cells; with flex the smallest
	flex  int
	keep  int // columns with the smallest value are dropped first; 0 stays
}

func noStyle(s string) string { return s }

// fit chooses the columns that fit, and their widths.
func (t *table) fit(width int) (which, widths []int) {
	for i := range t.columns {
		which = append(which, i)
	}
	need := func() int {
		n := max(len(which)-1, 0)
		for _, i := range which {
			n += t.columns[i].width
		}
		return n
	}
	for need() > width && len(which) > 1 {
		least := -1
		for k, i := range which {
			if keep := t.columns[i].keep; keep > 0 && (least < 0 || keep < t.columns[which[least]].keep) {
				least = k
			}
		}
		if least < 0 {
			break
		}
		which = append(which[:least], which[least+1:]...)
	}
	free, flex := max(width-need(), 0), 0
	for _, i := range which {
		flex += t.columns[i].flex
	}
	for _, i := range which {
		c := &t.columns[i]
		w := c.width
		if c.flex > 0 {
			share := free * c.flex / flex
			w += share
			free -= share
			flex -= c.flex
		}
		widths = append(widths, min(w, width))
	}
	return which, widths
}

// lines renders the table: a line of heads, and rows from first on. cursor is the row to mark, or
// -1.
func (t *table) lines(width, height, first, cursor int) []string {
	which, widths := t.fit(width)
	line := func(cells func(i int) string) string {
		var b strings.Builder
		for k, i := range which {
			if k > 0 {
				b.WriteByte(' ')
			}
			if t.columns[i].flex > 0 {
				b.WriteString(left(cells(i), widths[k]))
			} else {
				b.WriteString(right(cells(i), widths[k]))
			}
		}
		return left(b.String(), width)
	}
	out := []string{faint(line(func(i int) string { return t.columns[i].head }))}
	for n := first; n < len(t.rows) && len(out) < height; n++ {
		text := line(func(i int) string { return t.rows[n][i] })
		if n == cursor {
			text = reverse(text)
		} else {
			text = t.styles[n](text)
		}
		out = append(out, text)
	}
	for len(out) < height {
		out = append(out, strings.Repeat(" ", width))
	}
	return out[:max(height, 0)]
}
