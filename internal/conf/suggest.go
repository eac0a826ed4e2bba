package conf

import (
	"fmt"
	"strings"
)

// Suggest returns the known word that a misspelled one most likely stands for, or "". Such a word
// differs in capitals, hyphens and underscores only; or by one letter that is wrong, missing or too
// many; or, among longer words, by two.
func Suggest(word string, known []string) string {
	plain := plainWord(word)
	best, least := "", 3
	for _, k := range known {
		d := distance(plain, plainWord(k))
		if d == 0 {
			return k
		}
		if len(word) < 3 || d == 2 && len(k) <= 6 {
			continue // short words are within two letters of too many others
		}
		if d < least {
			best, least = k, d
		}
	}
	return best
}

func plainWord(s string) string {
	return strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(s))
}

// distance returns how many letters to insert, remove or replace between a and b, or 3 if their
// lengths differ by more than two.
func distance(a, b string) int {
	if len(a)-len(b) > 2 || len(b)-len(a) > 2 {
		return 3
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

// OneOf lists words as a sentence does: "strip, index or raw".
func OneOf(words []string) string {
	if n := len(words) - 1; n > 0 {
		return strings.Join(words[:n], ", ") + " or " + words[n]
	}
	return strings.Join(words, "")
}

// ParseEnum returns the value of an enumeration that has a name, among those below n. what is for
// the error: "policy".
func ParseEnum[E interface {
	~uint8
	String() string
}](what, name string, n E) (E, error) {
	words := make([]string, 0, n)
	for e := range n {
		if e.String() == name {
			return e, nil
		}
		words = append(words, e.String())
	}
	return 0, fmt.Errorf("unknown %s %q (want %s)", what, name, OneOf(words))
}
