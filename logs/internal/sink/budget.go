package sink

// Budget bounds what waits for several files together: when a disk fills up, all
// files on it fail, and what each alone may keep adds up. It is for the goroutine that has the files.
// A nil Budget has no bound.
type Budget struct {
	limit, used int
}

// NewBudget returns a budget of limit bytes.
func NewBudget(limit int) *Budget { return &Budget{limit: limit} }

// Used returns how many bytes wait.
func (b *Budget) Used() int {
	if b == nil {
		return 0
	}
	return b.used
}

// exhausted reports whether n more bytes are too many.
func (b *Budget) exhausted(n int) bool { return b != nil && b.used+n > b.limit }

func (b *Budget) add(n int) {
	if b != nil {
		b.used += n
	}
}
