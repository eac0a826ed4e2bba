package logline

import "fmt"

// Form says how a publisher changes lines before they are sent.
type Form struct {
	VHost string    // put in front of each line, with a space; empty for nothing
	Word  VHostWord // what to do with the first word then
}

// Changes reports whether the form changes lines at all.
func (f *Form) Changes() bool { return f.VHost != "" || f.Word >= VHostClean }

// Check returns an error if the form is not valid.
func (f *Form) Check() error {
	if !f.Word.Valid() {
		return fmt.Errorf("unknown %v", f.Word)
	}
	return CheckVHost(f.VHost)
}

// AppendNamed appends a line with the virtual host in front.
func (f *Form) AppendNamed(b, line []byte) []byte {
	if f.VHost != "" {
		b = append(b, f.VHost...)
		b = append(b, ' ')
	}
	return append(b, line...)
}
