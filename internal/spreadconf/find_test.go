package spreadconf

import (
	"errors"
	"strings"
	"testing"
)

// TestPlaces: the files of the C daemon come before that of packages.
func TestPlaces(t *testing.T) {
	t.Chdir(t.TempDir())
	_, err := LoadAccessPword(t.Context())
	if want := "spread.access_pword or /etc/spread.access_pword or /etc/spread/spread.access_pword"; !errors.Is(err, ErrNoFile) || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want the places %s", err, want)
	}
}
