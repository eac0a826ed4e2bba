package webpage

import (
	"crypto/sha256"
	_ "embed" // the shared style and script
	"encoding/base64"
	"net/http"
	"strings"
)

//go:embed base.css
var baseStyle string

//go:embed base.js
var baseScript string

// Document is a page with its policy. It implements [http.Handler].
type Document struct {
	body   []byte
	policy string
}

// New makes a page of a document that has /*STYLE*/ and /*SCRIPT*/ in their elements, and of a style
// and a script. They follow the shared ones.
func New(html, style, script string) *Document {
	style, script = baseStyle+style, baseScript+script
	return &Document{
		body: []byte(strings.NewReplacer("/*STYLE*/", style, "/*SCRIPT*/", script).Replace(html)),
		policy: "default-src 'none'; script-src " + hash(script) + "; style-src " + hash(style) +
			"; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" +
			"; require-trusted-types-for 'script'; trusted-types 'none'",
	}
}

// hash returns the source expression of an inline script or style in a policy.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// Protect sets the headers that keep browsers from doing more than the page needs.
func (p *Document) Protect(head http.Header) {
	head.Set("Content-Security-Policy", p.policy)
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Referrer-Policy", "no-referrer")
	head.Set("Cross-Origin-Resource-Policy", "same-origin")
	head.Set("Cross-Origin-Opener-Policy", "same-origin")
	head.Set("Cache-Control", "no-store")
}

// ServeHTTP answers with the page.
func (p *Document) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	p.Protect(w.Header())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(p.body) // the client may have gone
}
