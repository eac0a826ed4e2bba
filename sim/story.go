package sim

import (
	"fmt"
	"strings"
)

// Story returns the story of a failed run: the options, the violations, and the given number of
// lines of the timeline before the first violation, without those of an idle ring. It is empty if
// there is no violation.
func (r *Result) Story(lines int) string {
	if len(r.Violations) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%v\n", r.Options)
	first := r.Violations[0]
	for _, v := range r.Violations {
		fmt.Fprintf(&b, "%v\n", v)
		if v.At > 0 && (v.At < first.At || first.At == 0) {
			first = v
		}
	}
	end := len(r.Timeline)
	for i, l := range r.Timeline {
		if first.At > 0 && l > stamp(first.At)+"~" {
			end = i
			break
		}
	}
	var last []string
	for i := end - 1; i >= 0 && len(last) < lines; i-- {
		if !Idle(r.Timeline[i]) {
			last = append(last, r.Timeline[i])
		}
	}
	if len(last) > 0 {
		fmt.Fprintf(&b, "What came before (all of it: go test ./sim -run Seeds -v -seed %d):\n", r.Options.Seed)
	}
	for i := range last {
		fmt.Fprintln(&b, last[len(last)-1-i])
	}
	return b.String()
}
