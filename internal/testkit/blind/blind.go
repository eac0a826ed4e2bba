package blind

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

var (
	executions = flag.Int("blind", 0, "run the fuzz targets on `n` blind mutations of their corpora, in process (default: off)")
	limit      = flag.Duration("blind-time", 0, "stop a fuzz target after this time, whatever -blind says (default: never)")
	seed       = flag.Uint64("blind-seed", 1, "seed of the mutations")
	corpus     = flag.String("blind-corpus", "", "`directory` of the fuzz engine's cache for the package, with more inputs to mutate (default: none)")
)

// chunk is the number of executions of one subtest, which keeps what they register for their end
// from adding up.
const chunk = 1 << 14

// patience is how long one execution may take. Targets are quick, so one that is not hangs.
const patience = time.Minute

// Fuzz runs the body of a fuzz target, as f.Fuzz does, or on mutations of the corpus if the flag
// -blind is set.
func Fuzz(f *testing.F, body any) {
	f.Helper()
	if *executions <= 0 {
		f.Fuzz(body)
		return
	}
	m := collect(f, body)
	call := caller(body, m)
	left, began := *executions, time.Now()
	for left > 0 && (*limit <= 0 || time.Since(began) < *limit) {
		n := min(left, chunk)
		left -= n
		// A target's body needs a testing.T, which f.Fuzz makes only for the corpus itself.
		ok := testing.RunTests(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{{
			Name: f.Name(), F: func(t *testing.T) { m.run(t, call, n) },
		}})
		if !ok {
			f.Fatalf("failed after %d executions; run %s again to reproduce it", *executions-left, m.failure)
		}
	}
	took := time.Since(began)
	n := *executions - left
	fmt.Fprintf(os.Stdout, "blind\t%s\t%d executions\t%.0f a second\t%d inputs\n", f.Name(), n, float64(n)/took.Seconds(), len(m.corpus))
}

// Due reports whether it is time for a check that takes much longer than what it checks: always, but
// with -blind once in some thousand calls.
func Due() bool { return *executions <= 0 || rand.IntN(1<<12) == 0 }

// collect returns a mutator of all inputs that the target has.
func collect(f *testing.F, body any) *mutator {
	f.Helper()
	signature := reflect.TypeOf(body)
	m := newMutator(*seed, f.Name())
	for i := 1; i < signature.NumIn(); i++ {
		m.args = append(m.args, reflect.New(signature.In(i)).Elem())
	}
	f.Fuzz(reflect.MakeFunc(signature, func(in []reflect.Value) []reflect.Value {
		m.add(in[1:])
		return nil
	}).Interface())
	if *corpus != "" {
		files, err := filepath.Glob(filepath.Join(*corpus, f.Name(), "*"))
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			in, err := parse(b, signature)
			if err != nil {
				f.Fatalf("cannot read the input %s: %v", file, err)
			}
			m.add(in)
		}
	}
	if len(m.corpus) == 0 {
		f.Fatal("no input to mutate: the target has no seed")
	}
	return m
}

// run executes the body n times.
func (m *mutator) run(t *testing.T, call func(t *testing.T), n int) {
	whole := false
	defer func() {
		if !whole || t.Failed() {
			m.failure = m.save(t.Name())
			t.Logf("failing input written to %s", m.failure)
		}
	}()
	hung := time.AfterFunc(patience, func() {
		panic(fmt.Sprintf("blind: an execution takes longer than %v; its input is in %s", patience, m.save(t.Name())))
	})
	defer hung.Stop()
	for i := range n {
		if i%64 == 0 {
			hung.Reset(patience)
		}
		m.mutate()
		call(t)
		if t.Failed() {
			return
		}
	}
	whole = true
}

// save writes the last input where go test reads it, and returns the name of its file.
func (m *mutator) save(target string) string {
	text := format(m.args)
	dir := filepath.Join("testdata", "fuzz", target)
	file := filepath.Join(dir, fmt.Sprintf("%x", sha256.Sum256(text))[:16])
	err := os.MkdirAll(dir, 0o777)
	if err == nil {
		err = os.WriteFile(file, text, 0o666)
	}
	if err != nil {
		return fmt.Sprintf("no file (%v): %s", err, text)
	}
	return file
}

// caller returns a function that calls the body with the mutator's arguments. Reflection takes
// longer than many a decoder, so common signatures do without.
func caller(body any, m *mutator) func(t *testing.T) {
	switch body := body.(type) {
	case func(*testing.T, []byte):
		return func(t *testing.T) { body(t, m.args[0].Bytes()) }
	case func(*testing.T, string):
		return func(t *testing.T) { body(t, m.args[0].String()) }
	case func(*testing.T, []byte, bool):
		return func(t *testing.T) { body(t, m.args[0].Bytes(), m.args[1].Bool()) }
	case func(*testing.T, []byte, []byte):
		return func(t *testing.T) { body(t, m.args[0].Bytes(), m.args[1].Bytes()) }
	}
	in := make([]reflect.Value, 1+len(m.args))
	copy(in[1:], m.args)
	v := reflect.ValueOf(body)
	return func(t *testing.T) {
		in[0] = reflect.ValueOf(t)
		v.Call(in)
	}
}
