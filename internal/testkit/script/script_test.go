package script

import (
	"errors"
	"strings"
	"testing"
)

type echo struct{}

func (echo) Run(line string) (string, error) {
	switch line {
	case "quiet":
		return "", nil
	case "fail":
		return "", errors.New("no")
	}
	return line + "!\n", nil
}

func TestReplay(t *testing.T) {
	const good = "# A story.\na\nb\n----\na!\nb!\n\nquiet\n----\nok\n"
	if got, err := Replay(good, echo{}); err != nil || got != good {
		t.Errorf("a good script came back as %q (%v)", got, err)
	}
	// The check has to bite: another output gives another text.
	bad := strings.Replace(good, "b!", "c!", 1)
	if got, err := Replay(bad, echo{}); err != nil || got != good {
		t.Errorf("a bad script came back as %q (%v), want it mended", got, err)
	}
	if _, err := Replay("fail\n----\nok\n", echo{}); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("a failing command gave %v", err)
	}
	if _, err := Replay("a\n", echo{}); err == nil {
		t.Error("commands whose output is nowhere expected passed")
	}
}
