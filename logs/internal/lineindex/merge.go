package lineindex

import "cmp"

// merger inserts the lines that b has and a lacks between those of a. The order of a is kept. A
// line that only b has comes after the lines that precede it in b.
//
// Between two lines that both have, each side may have lines that the other lacks. Only the numbers
// say which came first: a line never comes before the line with the previous number of its stream.
// If that does not decide, those lines come first whose first name is smaller. So the result does
// not depend on the direction of the merge.
type merger struct {
	a, b           *cursor
	aNames, bNames lineSet
	own            lines // all lines of the log, also in other files
	emitA          func(*Line) error
	emitB          func(*Line) error

	done lineSet
	run  *cursor // whose lines come first until the next common line
}

func (m *merger) merge() error {
	for {
		x, err := m.a.head()
		if err != nil {
			return err
		}
		y, err := m.b.head()
		if err != nil {
			return err
		}
		bOnly := false
		if y != nil {
			if y.Name == nil || m.done.has(y) || !m.aNames.has(y) && m.own.has(y) {
				m.b.advance()
				continue
			}
			bOnly = !m.aNames.has(y)
		}
		switch {
		case x == nil && y == nil:
			return nil
		case x == nil && !bOnly: // a was changed after it was read
			m.b.advance()
		case bOnly && (x == nil || m.bFirst(x, y)):
			if err := m.emitB(y); err != nil {
				return err
			}
			m.done.add(y)
			m.b.advance()
		default:
			if err := m.emitA(x); err != nil {
				return err
			}
			if x.Name != nil {
				m.done.add(x)
				if m.bNames.has(x) {
					m.run = nil
				}
			}
			m.a.advance()
		}
	}
}

// bFirst reports whether y, which only b has, comes before x of a.
func (m *merger) bFirst(x, y *Line) bool {
	if x.Name != nil && m.bNames.has(x) {
		return true // a common line, which follows y as far as b shows
	}
	switch {
	case before(y, m.aNames, m.done):
		return false
	case x.Name != nil && before(x, m.bNames, m.done):
		return true
	case m.run == nil:
		m.run = m.a
		if x.Name != nil && cmp.Or(cmp.Compare(y.Name.Label, x.Name.Label), cmp.Compare(y.Name.Key, x.Name.Key), cmp.Compare(y.Seq, x.Seq)) < 0 {
			m.run = m.b
		}
	}
	return m.run == m.b
}

// before reports whether the line with the previous number is in others and has not come yet.
func before(l *Line, others, done lineSet) bool {
	prior := Line{Name: l.Name, Seq: l.Seq - 1}
	return l.Seq > 0 && others.has(&prior) && !done.has(&prior)
}
