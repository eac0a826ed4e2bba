package main

import (
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	for _, tt := range []struct {
		name   string
		args   []string
		status int
		want   string
	}{
		{"some seeds", []string{"-seeds", "5", "-workers", "2"}, ok, "5 seeds from 1 on"},
		{"one seed, with its timeline", []string{"-seed", "3"}, ok, "--- the network heals"},
		{"no time", []string{"-for", "0s"}, ok, "0 seeds from 1 on"},
		{"a wrong flag", []string{"-sedes", "5"}, usage, "flag provided but not defined: -sedes"},
	} {
		var out strings.Builder
		if status := run(t.Context(), tt.args, &out, &out); status != tt.status {
			t.Errorf("%s: status %d, want %d: %s", tt.name, status, tt.status, out.String())
		}
		if !strings.Contains(out.String(), tt.want) {
			t.Errorf("%s: no %q in\n%s", tt.name, tt.want, out.String())
		}
	}
}
