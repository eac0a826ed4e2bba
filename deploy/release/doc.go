// Command release builds what users install: archives of static programs, and packages for Debian
// and for RPM systems.
//
//	go run ./deploy/release -o DIR -release 0.2.0     everything, for all systems
//	go run ./deploy/release -o DIR -release 0.2.0 -target linux/amd64
//	go run ./deploy/release -o DIR -release 0.2.0 -pages    man pages and completion alone
//
// Two builds of one commit with one version of Go give the same bytes: nothing of what they contain
// depends on the time, the folder or the machine. SHA256SUMS lists them.
//
// Man pages and completion come from the programs themselves, by their flag -describe (package
// internal/flags), and from the keys of the configuration files (package internal/conf/tomlconf).
// Packages are put together by nfpm, from the files in deploy/packages and deploy/systemd.
//
// It is not part of a release. docs/operate/install.md says what users do with the results.
package main
