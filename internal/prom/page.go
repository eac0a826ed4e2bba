package prom

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Bounds of the entries of a page.
const (
	DefaultPage = 100
	MaxPage     = 1000
)

// Page is a part of a list, for JSON.
type Page[T any] struct {
	// Total counts the entries of the whole list, List holds those of the page, by name.
	Total int `json:"total"`
	List  []T `json:"list"`
	// Next is what to pass as "after" for the next page, "" if this is the last.
	Next string `json:"next,omitempty"`
}

// PageOf returns the page of a list that the parameters of a request choose: at most "limit" entries,
// behind the one that is called "after". "name" chooses by name, or with a star at its end by how names
// begin. It sorts the list by name.
func PageOf[T any](v url.Values, list []T, name func(*T) string) (Page[T], error) {
	p := Page[T]{List: []T{}}
	for key := range v {
		if key != "name" && key != "after" && key != "limit" {
			return p, BadRequest(fmt.Sprintf("unknown parameter %q: want name, after or limit", key))
		}
	}
	limit, err := PageLimit(v)
	if err != nil {
		return p, err
	}
	if want, ok := v["name"]; ok && want[0] != "" {
		start, open := strings.CutSuffix(want[0], "*")
		list = slices.DeleteFunc(list, func(x T) bool {
			n := name(&x)
			return !(open && strings.HasPrefix(n, start) || n == want[0])
		})
	}
	slices.SortStableFunc(list, func(a, b T) int { return cmp.Compare(name(&a), name(&b)) })
	p.Total = len(list)
	if after := v.Get("after"); after != "" {
		i, _ := slices.BinarySearchFunc(list, after, func(x T, after string) int {
			if name(&x) <= after {
				return -1
			}
			return 1
		})
		list = list[i:]
	}
	if len(list) > limit {
		list = list[:limit]
		p.Next = name(&list[limit-1])
	}
	p.List = append(p.List, list...)
	return p, nil
}

// PageLimit returns how many entries a page may have by the parameter "limit".
func PageLimit(v url.Values) (int, error) {
	text := v.Get("limit")
	if text == "" {
		return DefaultPage, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > MaxPage {
		return 0, BadRequest(fmt.Sprintf("limit %q: want a number from 1 to %d", text, MaxPage))
	}
	return n, nil
}
