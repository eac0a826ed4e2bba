package blind

import (
	"bytes"
	"os"
	"reflect"
	"testing"
)

func values(in ...any) (list []reflect.Value) {
	for _, v := range in {
		list = append(list, reflect.ValueOf(v))
	}
	return list
}

func TestFiles(t *testing.T) {
	t.Parallel()
	signature := reflect.TypeFor[func(*testing.T, []byte, string, bool, uint8, int, int32, uint64)]()
	text := format(values([]byte("a\x00\"\xff"), "é\n", true, uint8(200), -3, int32(-1<<31), uint64(1<<64-1)))
	in, err := parse(text, signature)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if again := format(in); !bytes.Equal(again, text) {
		t.Errorf("\n%s became\n%s", text, again)
	}
	// As the engine writes bytes.
	in, err = parse([]byte(firstLine+"[]byte(\"\")\nstring(\"\")\nbool(false)\nbyte('\\x07')\nint(0)\nint32(0)\nuint64(0)\n"), signature)
	if err != nil || in[3].Uint() != 7 {
		t.Errorf("%v, %v", in, err)
	}
	for _, bad := range []string{"", firstLine, firstLine + "x\n", firstLine + "[]byte(3)\n", string(text) + "int(1)\n"} {
		if in, err := parse([]byte(bad), signature); err == nil {
			t.Errorf("%q is %v", bad, in)
		}
	}
}

// TestMutations: mutations of two inputs reach what a decoder may fail at, the same seed makes the same
// ones, and the failing input can be run again.
func TestMutations(t *testing.T) {
	t.Chdir(t.TempDir())
	find := func(seed uint64) (n int, m *mutator) {
		m = newMutator(seed, t.Name())
		m.args = values([]byte(nil), false, int32(0))
		for i, v := range m.args {
			m.args[i] = reflect.New(v.Type()).Elem()
		}
		m.add(values([]byte("begin\x00\x07 of one"), false, int32(5)))
		m.add(values([]byte("other end"), true, int32(-5)))
		for n = 1; n < 10_000_000; n++ {
			m.mutate()
			b := m.args[0].Bytes()
			if bytes.HasPrefix(b, []byte("begin\xff")) && bytes.HasSuffix(b, []byte("end")) && m.args[1].Bool() && m.args[2].Int() < 0 {
				return n, m
			}
		}
		t.Fatal("not found")
		return 0, nil
	}
	n, m := find(1)
	if again, _ := find(1); again != n {
		t.Errorf("found after %d executions, and again after %d", n, again)
	}
	t.Logf("found after %d executions", n)
	b, err := os.ReadFile(m.save("FuzzIt"))
	if err != nil {
		t.Fatal(err)
	}
	in, err := parse(b, reflect.TypeFor[func(*testing.T, []byte, bool, int32)]())
	if err != nil || !bytes.Equal(format(in), format(m.args)) {
		t.Errorf("%v: %v", in, err)
	}
}
