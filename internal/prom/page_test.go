package prom

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestPageOf: pages that follow each other have each entry once, and names choose.
func TestPageOf(t *testing.T) {
	list := func() (l []string) {
		for i := range 250 {
			l = append(l, strconv.Itoa(1249-i))
		}
		return l
	}
	name := func(s *string) string { return *s }
	var all []string
	v := url.Values{}
	for pages := 1; ; pages++ {
		p, err := PageOf(v, list(), name)
		if err != nil {
			t.Fatal(err)
		}
		if p.Total != 250 {
			t.Errorf("total %d", p.Total)
		}
		all = append(all, p.List...)
		if p.Next == "" {
			if pages != 3 {
				t.Errorf("%d pages", pages)
			}
			break
		}
		v.Set("after", p.Next)
	}
	want := list()
	slices.Sort(want)
	if !slices.Equal(all, want) {
		t.Errorf("got %v", all)
	}
	for query, want := range map[string]string{
		"name=1001": "1 1001", "name=100*": "10 1000 1001 1002 1003 1004 1005 1006 1007 1008 1009",
		"name=x": "0", "name=124*&limit=2": "10 1240 1241", "after=1248": "250 1249", "after=2": "250",
	} {
		v, _ := url.ParseQuery(query)
		p, err := PageOf(v, list(), name)
		if got := strings.TrimSpace(strconv.Itoa(p.Total) + " " + strings.Join(p.List, " ")); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", query, got, err, want)
		}
	}
	for _, query := range []string{"limit=0", "limit=1001", "limit=x", "group=a"} {
		v, _ := url.ParseQuery(query)
		if _, err := PageOf(v, list(), name); err == nil {
			t.Errorf("%s is accepted", query)
		}
	}
}
