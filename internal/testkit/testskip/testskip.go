package testskip

import (
	"os"
	"testing"
)

// Variable is the environment variable that forbids skipping when it is "1".
const Variable = "SPREADD_FORBID_SKIP"

// Skip ends the test as skipped, or as failed where skipping is forbidden.
// reason says what is missing and how to get it: "apache2 is not installed: apt-get
// install apache2".
func Skip(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv(Variable) == "1" {
		t.Fatalf("%s=1 forbids skipping this test: %s", Variable, reason)
	}
	t.Skip(reason)
}
