package buf

// poison overwrites a block that has become free, so that a late reader sees garbage, and the race
// detector sees a conflict.
func poison(b []byte) {
	b[0] = 0xdb
	for n := 1; n < len(b); n *= 2 {
		copy(b[n:], b[:n])
	}
}
