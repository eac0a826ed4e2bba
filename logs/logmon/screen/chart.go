package screen

import (
	"strings"

	"github.com/spreadd/spreadd/logs/internal/traffic"
)

// blocks are eighths of a cell.
const blocks = " ▁▂▃▄▅▆▇█"

// chart draws bars, the newest at the right, as high as the largest of them.
func chart(values []float64, width, height int) []string {
	cells := []rune(blocks)
	if len(values) > width {
		values = values[len(values)-width:]
	}
	most := 0.0
	for _, v := range values {
		most = max(most, v)
	}
	lines := make([]string, height)
	for y := range lines {
		var b strings.Builder
		b.WriteString(strings.Repeat(" ", width-len(values)))
		for _, v := range values {
			eighths := 0
			if most > 0 {
				eighths = int(v/most*float64(8*height) + 0.5)
				if v > 0 && eighths == 0 {
					eighths = 1 // show small values as more than nothing
				}
			}
			b.WriteRune(cells[max(0, min(8, eighths-8*(height-1-y)))])
		}
		lines[y] = b.String()
	}
	return lines
}

// perSecond returns the requests of each second and the largest of these numbers.
func perSecond(points []traffic.Point) (values []float64, most float64) {
	for i := range points {
		n := 0.0
		for _, c := range points[i].Classes {
			n += float64(c)
		}
		values = append(values, n)
		most = max(most, n)
	}
	return values, most
}
