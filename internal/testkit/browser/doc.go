// Package browser drives a real browser, headless Chromium, in tests of pages: it opens a page, waits for
// what it shows, holds it to its content policy and to names for all controls, and takes pictures
// (-screenshots DIR).
package browser
