package logpub

import (
	"cmp"
	"slices"
	"time"
)

// maxMarks bounds how many blocks in the spool are known by their age.
const maxMarks = 1024

// mark is when the first line of a block came.
type mark struct {
	id   uint64
	born time.Time
}

// ages says how old blocks are that are in the spool alone. Those of a long outage are too many to
// remember, so that of many only every second one is, or every fourth, and so on: a block
// in between is taken to be as old as the one before it.
type ages struct {
	marks []mark // by ID
	every uint64 // IDs from one mark to the next
}

// add remembers a block, whose ID is above all before it.
func (a *ages) add(id uint64, born time.Time) {
	if n := len(a.marks); n > 0 && id < a.marks[n-1].id+a.every {
		return
	}
	if len(a.marks) == maxMarks {
		for i := range maxMarks / 2 {
			a.marks[i] = a.marks[2*i]
		}
		a.marks = a.marks[:maxMarks/2]
		a.every = max(1, a.every) * 2
	}
	a.marks = append(a.marks, mark{id, born})
}

// met takes note of a block that was read, when those before it have been.
func (a *ages) met(id uint64, born time.Time) {
	a.forget(id)
	if born.IsZero() {
		return
	}
	if len(a.marks) > 0 && a.marks[0].id <= id {
		a.marks[0] = mark{id, born}
		return
	}
	a.marks = slices.Insert(a.marks, 0, mark{id, born})
}

// forget forgets what is not needed once blocks up to an ID are gone.
func (a *ages) forget(id uint64) {
	n := 0
	for n+1 < len(a.marks) && a.marks[n+1].id <= id+1 {
		n++
	}
	a.marks = slices.Delete(a.marks, 0, n)
}

// clear forgets all.
func (a *ages) clear() { a.marks, a.every = a.marks[:0], 0 }

// of returns when the first line of a block came, or of one before it; zero if that is not known.
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

// oldest returns when the oldest line came that is not acknowledged; zero if there is none, or if it was left by a
// process of a version that did not note it.
func (q *queue) oldest() time.Time {
	q.mu.Lock()
	defer q.mu.Unlock()
	if first := q.lost + 1; q.store != nil && first <= q.evicted {
		if _, lines, _ := q.store.Waiting(); lines > 0 {
			return q.marks.of(first)
		}
	}
	var born time.Time
	for _, b := range q.blocks {
		if b.id > q.lost && (born.IsZero() || b.born.Before(born)) { // those that were adopted are older
			born = b.born
		}
	}
	return born
}
