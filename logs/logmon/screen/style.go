package screen

import "github.com/charmbracelet/x/ansi"

// The styles. Colors are those of the terminal's palette.
func strong(s string) string  { return ansi.NewStyle().Bold().Styled(s) }
func faint(s string) string   { return ansi.NewStyle().Faint().Styled(s) }
func reverse(s string) string { return ansi.NewStyle().Reverse(true).Styled(s) }
func title(s string) string {
	return ansi.NewStyle().Bold().ForegroundColor(ansi.Cyan).Styled(s)
}
func bad(s string) string  { return ansi.NewStyle().Bold().ForegroundColor(ansi.Red).Styled(s) }
func warn(s string) string { return ansi.NewStyle().ForegroundColor(ansi.Yellow).Styled(s) }
func good(s string) string { return ansi.NewStyle().ForegroundColor(ansi.Green).Styled(s) }
