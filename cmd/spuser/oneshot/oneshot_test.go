package oneshot

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/spread/spreadtest"
)

// serve runs a daemon and returns its address.
func serve(t *testing.T) string {
	t.Helper()
	d := spreadtest.New("alpha")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = d.Serve(l) }()
	t.Cleanup(func() {
		_ = l.Close()
		d.Close()
	})
	return l.Addr().String()
}

// run runs a command, and returns its status and output.
func run(t *testing.T, stdin string, args ...string) (int, string) {
	t.Helper()
	for _, c := range Commands() {
		if c.Flags.Name == "spuser "+args[0] {
			var out bytes.Buffer
			status := c.Main(t.Context(), args[1:], Env{strings.NewReader(stdin), &out, &out})
			return status, out.String()
		}
	}
	t.Fatalf("no command %q", args[0])
	return 0, ""
}

// TestSendRecordReplay: messages are sent, recorded, shown with filters, and sent again.
func TestSendRecordReplay(t *testing.T) {
	at := serve(t)
	file := filepath.Join(t.TempDir(), "a.rec")
	recorded := make(chan string, 1)
	go func() {
		_, out := run(t, "", "record", "-s", at, "-o", file, "-count", "4", "g")
		recorded <- out
	}()
	testkit.Wait(t, "the recorder", func() bool {
		b, err := os.ReadFile(file)
		return err == nil && bytes.Contains(b, []byte("membership"))
	})
	for _, args := range [][]string{
		{"-u", "ann", "-type", "7", "g", "hello", "\x1b[2Jthere"}, {"-u", "bob", "-service", "safe", "g", `{"a":1}`}, {"-u", "ann", "-lines", "g"},
	} {
		if status, out := run(t, "one\ntwo\n", append([]string{"send", "-s", at}, args...)...); status != 0 || out != "" {
			t.Errorf("send %q: %d, %s", args, status, out)
		}
	}
	if out := <-recorded; out != "spuser record: 4 messages and 1 membership event of g\n" {
		t.Errorf("record prints %q", out)
	}
	const hello, bob, one = "AGREED type 7, 15 bytes: hello \\x1b[2Jthere\n", "#bob#alpha SAFE type 0, 7 bytes: ", "type 0, 3 bytes: one\n"
	for args, want := range map[string][]string{
		"":                               {hello, bob, one, "view  1 member after join of"},
		"-from ann -only messages":       {hello, one},
		"-from #b*":                      {bob, "view"},
		"-type 5..9":                     {hello, "view"},
		"-grep ^one$ -only messages":     {one},
		"-payload hex -type 7":           {"68 65 6c 6c 6f", "view"},
		"-payload json -from bob":        {"{\n      \"a\": 1\n    }", "view"},
		"-json -only messages -from ann": {`"payload":"hello \u001b[2Jthere"`, `"payload":"two"`},
		"-color always -type 7":          {"\x1b[36mg\x1b[0m", hello, "view"},
		"-only views":                    {"view"},
	} {
		status, out := run(t, "", append(append([]string{"replay"}, strings.Fields(args)...), file)...)
		if status != 0 {
			t.Errorf("replay %s: status %d: %s", args, status, out)
		}
		for _, all := range []string{hello, bob, one, "view"} {
			wanted := strings.Contains(strings.Join(want, "\n"), all)
			if got := strings.Contains(out, all); got && !wanted || wanted && !got {
				t.Errorf("replay %s: %q is shown: %v\n%s", args, all, got, out)
			}
		}
		for _, text := range want {
			if !strings.Contains(out, text) {
				t.Errorf("replay %s lacks %q:\n%s", args, text, out)
			}
		}
	}
	if _, out := run(t, "\n\n", "replay", "-step", file); strings.Count(out, "\n") != 2 {
		t.Errorf("two steps show %q", out)
	}
	if status, out := run(t, "", "replay", "-s", at, "-to", "h", file); status != 0 || out != "" {
		t.Errorf("replay -to: %d, %s", status, out)
	}
}

// TestStatus: wrong command lines, missing files and daemons, and what diff returns.
func TestStatus(t *testing.T) {
	t.Chdir(t.TempDir())
	view := `{"event":"membership","group":"g","id":[1,2,3],"members":["a"],"cause":"join"}` + "\n"
	for name, text := range map[string]string{
		"a.rec": view + `{"event":"message","groups":["g"],"payload":"x"}`, "b.rec": view + `{"event":"message","groups":["g"],"payload":"y"}`, "c.rec": "hello",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for line, want := range map[string]struct {
		status int
		text   string
	}{
		"tail":                    {2, "GROUP is missing; run spuser tail -h for help"},
		"tail -type x g":          {2, "want a number from -32768 to 32767, or FROM..TO"},
		"tail -h":                 {0, "Examples:\n"},
		"tail -s /nowhere/4803 g": {1, "is the daemon running?"},
		"record g":                {2, "-o FILE is missing"},
		"record -o a.rec g":       {1, "a.rec exists; remove it or choose another name"},
		"send -service best g x":  {2, "want unreliable, reliable, fifo, causal, agreed or safe"},
		"ping -bytes 3":           {2, "-bytes: want 32 to"},
		"replay nothing":          {1, "no such file"},
		"replay c.rec":            {1, "c.rec, line 1: not an event of a recording"},
		"diff a.rec":              {2, "FILE is missing"},
		"diff a.rec c.rec":        {2, "not an event"},
		"diff a.rec a.rec":        {0, "agree: 1 message and 1 view of g"},
		"diff a.rec b.rec":        {1, "missing: one has an event that the other one does not have"},
		"diff -json a.rec b.rec":  {1, `"kind":"missing"`},
	} {
		if status, out := run(t, "", strings.Fields(line)...); status != want.status || !strings.Contains(out, want.text) {
			t.Errorf("%s: status %d, want %d: %s", line, status, want.status, out)
		}
	}
}
