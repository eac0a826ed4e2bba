// Package attack attacks a ring, as a client and with forged datagrams, and measures what a bystander
// notices: its largest delay and its losses, beside those without an attack. It contains only tests.
//
// The attacks are small, so that CI runs them in seconds. SPREADD_ATTACK=large makes them as large as
// those that once stopped a ring, and holds the delay to its bar.
package attack
