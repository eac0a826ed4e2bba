package logfile

// Tag identifies a record for a [Journal], which knows what it means.
type Tag struct {
	Source uint32
	Number uint64
}

// Journal records which records a file contains, as package lineindex does. It learns of a record
// before the record is written. So whatever kills the process, every record in the file is in the
// journal, and records that are only in the journal are found at the next Open. All calls come from
// the goroutine that owns the file.
type Journal interface {
	// Open is called after the file was opened and locked. It returns the size to which the file
	// must be truncated if it is longer.
	Open(path string) (size int64, err error)
	// Note is called before records are written. Record i ends in data at ends[i]-base. The file is
	// not written if Note fails.
	Note(tags []Tag, ends []int, base int, data []byte) error
	// Moved is called when the open file was renamed.
	Moved(path string) error
	// Sync flushes the journal to the disk.
	Sync() error
	// Close is called before the file is closed. The last unwritten of the noted records were not
	// written.
	Close(unwritten int) error
}

// noteBytes bounds how much is noted at a time, unless one record is longer.
const noteBytes = 1 << 20

// note announces the next records to the journal and returns where they end.
func (f *File) note() (end int, err error) {
	if f.opt.Journal == nil {
		return len(f.buf), nil
	}
	if f.noted > f.first { // the previous write was incomplete
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
	if f.opt.Sync == SyncWrites {
		// Otherwise a power cut could leave the records without their names, and they would be written again.
		if err := f.opt.Journal.Sync(); err != nil {
			return 0, err
		}
	}
	return f.ends[k-1], nil
}

// closeJournal closes the journal, before the file is closed, with the records that are in the file.
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
