// Package webpage makes the pages of programs: one document that contains its style and script, with a
// Content-Security-Policy that allows nothing else.
//
// Pages share a style and a script (base.css, base.js): colors for light and dark, tiles, lists, numbers
// as text, and a loop that requests data.
//
// # What it guarantees
//
// The policy allows only the page's own script and style, identified by their SHA-256, and requests to
// the server of the page. It requires Trusted Types, so that a script cannot turn text into HTML.
//
// References: https://www.w3.org/TR/CSP3/, https://www.w3.org/TR/trusted-types/.
package webpage
