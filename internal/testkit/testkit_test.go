package testkit

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
)

func TestOutput(t *testing.T) {
	var o Output
	fmt.Fprint(&o, "a")
	if s := o.String(); s != "a" {
		t.Errorf("String gives %q", s)
	}
	fmt.Fprint(&o, "b")
	if s := o.Take(); s != "ab" {
		t.Errorf("Take gives %q", s)
	}
	if s := o.Take(); s != "" {
		t.Errorf("the second Take gives %q", s)
	}
}

// fatal panics with the text of a failure.
type fatal struct{ testing.TB }

func (fatal) Helper() {}

func (fatal) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		Wait(t, "the third time", func() bool { n++; return n == 3 })
		defer func() {
			if s, ok := recover().(string); !ok || !strings.Contains(s, "timed out after 1m0s waiting for rain") {
				t.Errorf("ended with %q", s)
			}
		}()
		Wait(fatal{t}, "rain", func() bool { return false })
	})
}
