package logfile

// Budget bounds the memory of records that wait for several files together. When a disk fills up,
// every file on it fails at once, and the limits of the single files would add up. It belongs to
// the goroutine that owns the files. A nil Budget has no bound.
type Budget struct {
	limit, used int
}

// NewBudget returns a budget of limit bytes.
func NewBudget(limit int) *Budget { return &Budget{limit: limit} }

// Used returns the number of waiting bytes.
func (b *Budget) Used() int {
	if b == nil {
		return 0
	}
	return b.used
}

// exhausted reports whether n more bytes exceed the budget.
func (b *Budget) exhausted(n int) bool { return b != nil && b.used+n > b.limit }

func (b *Budget) add(n int) {
	if b != nil {
		b.used += n
	}
}
