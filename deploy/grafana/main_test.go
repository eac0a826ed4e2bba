package main

import (
	"encoding/json"
	"regexp"
	"slices"
	"testing"

	"github.com/spreadd/spreadd/internal/testkit/golden"
)

// TestBoards: the boards are those that the program writes.
func TestBoards(t *testing.T) {
	for name, b := range map[string]board{"ring.json": ring(), "logs.json": logs()} {
		text, err := b.render()
		if err != nil {
			t.Fatal(err)
		}
		golden.File(t, name, string(text))
		checkBoard(t, name, text)
	}
}

// checkBoard checks what Grafana needs of a board: panels with ids of their own that lie on the grid
// and do not overlap, queries with letters of their own, and only variables that the board has.
func checkBoard(t *testing.T, name string, text []byte) {
	t.Helper()
	type dataSource struct{ Type, UID string }
	var b struct {
		Panels []struct {
			ID      int
			Title   string
			Type    string
			GridPos struct{ X, Y, W, H int }
			Source  *dataSource `json:"datasource"`
			Targets []struct {
				RefID, Expr string
				Source      dataSource `json:"datasource"`
			}
		}
		Templating struct{ List []struct{ Name, Type string } }
	}
	if err := json.Unmarshal(text, &b); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	known := []string{"__rate_interval"}
	for _, v := range b.Templating.List {
		known = append(known, v.Name)
	}
	for _, m := range regexp.MustCompile(`\$\{?(\w+)`).FindAllStringSubmatch(string(text), -1) {
		if m[1] != "__all" && !slices.Contains(known, m[1]) {
			t.Errorf("%s: there is no variable %q, only %q", name, m[1], known)
		}
	}
	want := dataSource{"prometheus", "${datasource}"}
	ids, cells := make(map[int]string), make(map[[2]int]string)
	for _, p := range b.Panels {
		if p.ID <= 0 || ids[p.ID] != "" {
			t.Errorf("%s: %q has id %d, as %q has", name, p.Title, p.ID, ids[p.ID])
		}
		ids[p.ID] = p.Title
		g := p.GridPos
		if g.X < 0 || g.W <= 0 || g.H <= 0 || g.X+g.W > width {
			t.Errorf("%s: %q lies outside of the grid: %+v", name, p.Title, g)
		}
		for c := range g.W * g.H {
			cell := [2]int{g.X + c%g.W, g.Y + c/g.W}
			if cells[cell] != "" {
				t.Fatalf("%s: %q overlaps %q", name, p.Title, cells[cell])
			}
			cells[cell] = p.Title
		}
		if p.Type == "row" {
			continue
		}
		if p.Source == nil || *p.Source != want || len(p.Targets) == 0 {
			t.Errorf("%s: %q has source %v and %d queries", name, p.Title, p.Source, len(p.Targets))
		}
		for i, q := range p.Targets {
			if q.RefID != string(rune('A'+i)) || q.Expr == "" || q.Source != want {
				t.Errorf("%s: %q has the query %+v", name, p.Title, q)
			}
		}
	}
}
