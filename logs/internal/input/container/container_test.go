package container

import (
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/testkit/blind"
)

const (
	docker = `{"log":"GET / \"a\"\n","stream":"stdout","time":"2026-11-30T00:29:53.1Z"}
{"log":"long ","stream":"stdout","time":"2026-11-30T00:29:53.1Z"}
{"log":"warning \u003c1\u003e\n","stream":"stderr","time":"2026-11-30T00:29:53.1Z"}
{"log":"line\n","stream":"stdout","time":"2026-11-30T00:29:53.1Z"}
{"attrs":{"tag":"x"},"stream":"stdout","log":"other order\n"}
{"log":"\n","stream":"stdout","attrs":{"a":"b"},"time":"2026-11-30T00:29:53.1Z"}
{"log":"C:\\n","stream":"stdout","time":"2026-11-30T00:29:53.1Z"}
{"log":"ew\n","stream":"stdout","time":"2026-11-30T00:29:53.1Z"}
`
	dockerText = "GET / \"a\"\nwarning <1>\nlong line\nother order\n\nC:\\new\n"

	cri = `2026-11-30T00:29:53.1Z stdout F GET / "a"
2026-11-30T00:29:53.1Z stdout P long 
2026-11-30T00:29:53.1Z stderr F warning
2026-11-30T00:29:53.1Z stdout F line
2026-11-30T00:29:53.1Z stdout F 
2026-11-30T00:29:53.1Z stdout P:x C:\n
2026-11-30T00:29:53.1Z stdout F:x ew
`
	criText = "GET / \"a\"\nwarning\nlong line\n\nC:\\new\n"
)

// TestDecode: wherever a file ends at the moment, whole lines come once, and partial ones wait.
func TestDecode(t *testing.T) {
	for _, tt := range []struct {
		format     Format
		file, want string
	}{{Docker, docker, dockerText}, {CRI, cri, criText}, {Plain, "a\nb\n", "a\nb\n"}} {
		for cut := range len(tt.file) {
			var d Decoder
			got := ""
			n := tt.format.Whole([]byte(tt.file[:cut]))
			d.Decode(tt.format, []byte(tt.file[:n]))
			got += string(d.Text)
			if read := d.Read(len(d.Text)); read != n {
				t.Fatalf("%v, cut at %d: %d of %d bytes read", tt.format, cut, read, n)
			}
			d.Decode(tt.format, []byte(tt.file[n:]))
			if got += string(d.Text); got != tt.want || d.Bad > 0 {
				t.Fatalf("%v, cut at %d: %d bad, text\n%s", tt.format, cut, d.Bad, got)
			}
		}
	}
}

// TestRead: what was taken of the text is behind whole records.
func TestRead(t *testing.T) {
	var d Decoder
	d.Decode(CRI, []byte(cri))
	lines := strings.SplitAfter(cri, "\n")
	first := len("GET / \"a\"\n")
	for _, tt := range []struct{ text, read int }{
		{0, 0},
		{first - 1, 0},
		{first, len(lines[0])},
		{first + len("warning\n"), len(lines[0])}, // the other stream has a partial line
		{first + len("warning\nlong line\n"), len(strings.Join(lines[:4], ""))},
		{len(d.Text), len(cri)},
	} {
		if got := d.Read(tt.text); got != tt.read {
			t.Errorf("%d bytes of text are of %d bytes read, want %d", tt.text, got, tt.read)
		}
	}
}

// TestBad: other lines stay as they are.
func TestBad(t *testing.T) {
	for _, f := range []Format{Docker, CRI} {
		var d Decoder
		const text = "2026 stdin F x\n{\"log\":\n{\"log\":\"a\"\n{}\n\nplain\n"
		d.Decode(f, []byte(text))
		if string(d.Text) != text || d.Bad != 6 {
			t.Errorf("%v: %d bad, %q", f, d.Bad, d.Text)
		}
	}
}

// TestPartialEnd: a partial line at the end, of a container that died, becomes a line.
func TestPartialEnd(t *testing.T) {
	var d Decoder
	d.Decode(Docker, []byte(`{"log":"a","stream":"stdout"}`+"\n"+`{"log":"b","stream":"stderr"}`))
	if string(d.Text) != "a\nb\n" {
		t.Errorf("%q", d.Text)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(docker))
	f.Add([]byte(cri))
	blind.Fuzz(f, func(t *testing.T, b []byte) {
		for _, format := range []Format{Docker, CRI} {
			n := format.Whole(b)
			var d Decoder
			d.Decode(format, b[:n])
			if read := d.Read(len(d.Text)); read != n {
				t.Errorf("%d of %d bytes read", read, n)
			}
			if len(d.Text) > 0 && d.Text[len(d.Text)-1] != '\n' {
				t.Errorf("no newline at the end of %q", d.Text)
			}
		}
	})
}
