package sink

// Tag names a record for a [Journal], which knows what it means.
type Tag struct {
	Source uint32
	Number uint64
}

// Journal keeps account of which records are in a file. It is told of them before they are
// written, so whatever ends the program, what is in the file is in the account; what is in the account alone is
// found at the next Open. The calls come from the goroutine that has the file.
type Journal interface {
	// Open is told that the file was opened and locked, and returns the size that it is to be
	// cut to, if it is longer.
	Open(path string) (size int64, err error)
	// Note is told of records that are written next. Each ends in data where ends, less base, says. The file
	// is not written if it fails.
	Note(tags []Tag, ends []int, base int, data []byte) error
	// Moved is told that the open file has another path.
	Moved(path string) error
	// Sync hands the account to the disk.
	Sync() error
	// Close is told that the file is about to be closed, without the last records that were
	// noted: their number is unwritten.
	Close(unwritten int) error
}

// noteBytes is how much is noted at a time, if it is more than a record.
const noteBytes = 1 << 20

// note tells the journal what is written next, and returns where that ends.
func (f *File) note() (end int, err error) {
	if f.opt.Journal == nil {
		return len(f.buf), nil
	}
	if f.noted > f.first { // the last time it was not written to its end
		return f.ends[f.noted-1], nil
	}
	k := f.first + 1
	for k < len(f.ends) && f.ends[k]-f.begin <= noteBytes {
		k++
	}
	if err := f.opt.Journal.Note(f.tags[f.first:k], f.ends[f.first:k], f.begin, f.buf[f.begin:f.ends[k-1]]); err != nil {
		return 0, err
	}
	f.noted = k
	return f.ends[k-1], nil
}

// closeJournal tells the journal which records are in the file, before it is closed.
func (f *File) closeJournal() error {
	if f.opt.Journal == nil {
		return nil
	}
	unwritten := max(0, f.noted-f.first)
	f.noted = 0
	if err := f.opt.Journal.Close(unwritten); err != nil {
		return f.failed(opIndexing, err)
	}
	return nil
}
