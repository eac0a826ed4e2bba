package weblog

import (
	"io/fs"
	"testing"
)

// The bundle must not weigh on programs.
func TestCompressedSize(t *testing.T) {
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		t.Fatal(err)
	}
	var total int64
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
	}
	if len(entries) != len(Sites()) || total > 400_000 {
		t.Errorf("%d files of %d bytes in all", len(entries), total)
	}
}

func TestFormatNames(t *testing.T) {
	if Common.String() != "common" || Combined.String() != "combined" || Format(7).String() != "Format(7)" {
		t.Error("names of formats")
	}
}
