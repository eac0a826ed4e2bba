package queue

import (
	"cmp"
	"slices"
	"time"
)

// maxMarks bounds how many blocks in the spool have their age remembered.
const maxMarks = 1024

// mark is when the first line of a block came.
type mark struct {
	id   uint64 // of that line
	born time.Time
}

// ages remembers how old the blocks are that are in the spool only. A long outage has too many of them. Then
// only every second one is remembered, or every fourth, and so on; a block in between counts as being as old as the
// one before it.
type ages struct {
	marks []mark // by ID
	every int    // blocks from one mark to the next
	since int    // blocks that have come since the last mark
}

// add remembers a block that is newer than all before it.
func (a *ages) add(id uint64, born time.Time) {
	if a.since++; a.since < a.every {
		return
	}
	a.since = 0
	if len(a.marks) == maxMarks {
		for i := range maxMarks / 2 {
			a.marks[i] = a.marks[2*i]
		}
		a.marks = a.marks[:maxMarks/2]
		a.every = max(1, a.every) * 2
	}
	a.marks = append(a.marks, mark{id, born})
}

// met remembers a block that was read, once all before it are gone.
func (a *ages) met(id uint64, born time.Time) {
	a.forget(id - 1)
	if born.IsZero() {
		return
	}
	if len(a.marks) > 0 && a.marks[0].id <= id {
		a.marks[0] = mark{id, born}
		return
	}
	a.marks = slices.Insert(a.marks, 0, mark{id, born})
}

// forget removes what is not needed once the lines up to an ID are gone.
func (a *ages) forget(id uint64) {
	n := 0
	for n+1 < len(a.marks) && a.marks[n+1].id <= id+1 {
		n++
	}
	a.marks = slices.Delete(a.marks, 0, n)
}

func (a *ages) clear() { a.marks, a.every, a.since = a.marks[:0], 0, 0 }

// of returns when the block with a line came, or one before it; zero if that is not known.
func (a *ages) of(id uint64) time.Time {
	if len(a.marks) == 0 {
		return time.Time{}
	}
	n, found := slices.BinarySearchFunc(a.marks, id, func(m mark, id uint64) int { return cmp.Compare(m.id, id) })
	if !found {
		n = max(0, n-1)
	}
	return a.marks[n].born
}

// Oldest returns when the oldest line came that is not delivered. It returns the zero time if there is none, or if it was left by
// a process that did not store the time.
func (q *Queue) Oldest() time.Time {
	q.mu.Lock()
	defer q.mu.Unlock()
	if first := q.done + 1; q.disk.store != nil && first <= q.disk.evicted {
		if _, lines, _ := q.disk.store.Waiting(); lines > 0 {
			return q.disk.marks.of(first)
		}
	}
	var born time.Time
	for _, b := range q.memory.blocks {
		if b.last > q.done && (born.IsZero() || b.born.Before(born)) { // adopted ones are older
			born = b.born
		}
	}
	return born
}
