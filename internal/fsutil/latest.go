package fsutil

import (
	"sync"
	"time"
)

// Latest calls a function that asks a file system, which may hang for as long as its server is down, and
// remembers what that has returned. Its zero value remembers the zero value.
type Latest[T any] struct {
	mu     sync.Mutex
	value  T
	asking chan struct{} // closed when the function returns; nil while it does not run
}

// Ask calls f and returns what that returns. If it does not return within patience, Ask returns what it
// returned last, and false. f is not called again before it has returned.
func (l *Latest[T]) Ask(patience time.Duration, f func() T) (value T, fresh bool) {
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for mine := false; !mine; {
		l.mu.Lock()
		asking := l.asking
		if mine = asking == nil; mine {
			asking = make(chan struct{})
			l.asking = asking
			go l.ask(asking, f)
		}
		l.mu.Unlock()
		select {
		case <-asking:
		case <-limit.C:
			return l.last(), false
		}
	}
	return l.last(), true
}

func (l *Latest[T]) last() T {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.value
}

func (l *Latest[T]) ask(done chan<- struct{}, f func() T) {
	v := f()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.value, l.asking = v, nil
	close(done)
}
