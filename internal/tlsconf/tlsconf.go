package tlsconf

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
)

// PEMFiles are the files of one side of a connection.
type PEMFiles struct {
	// Certificate and Key are this side's certificate, with those of intermediate authorities behind it,
	// and its key. A client may have none.
	Certificate, Key string
	// CA holds the authorities of the other side. For a client, empty means those of the system; a
	// server then asks for no certificate.
	CA string
}

// content is what the files held when they were read.
type content struct {
	cert   *tls.Certificate // nil without a certificate
	pool   *x509.CertPool   // nil for none, or for that of the system
	server *tls.Config
}

// source reads the files, and again when one of them has changed.
type source struct {
	files  PEMFiles
	report func(error)

	mu    sync.Mutex
	seen  []stamp // of the files when they were read last, or when that failed
	valid *content
}

// stamp is what changes when a file is replaced or written.
type stamp struct {
	size     int64
	modified time.Time
	info     fs.FileInfo
}

func (s stamp) same(o stamp) bool {
	return s.size == o.size && s.modified.Equal(o.modified) && (s.info == nil) == (o.info == nil) && (s.info == nil || os.SameFile(s.info, o.info))
}

// open reads the files for the first time.
func open(f PEMFiles, report func(error)) (*source, error) {
	if report == nil {
		report = func(error) {}
	}
	s := &source{files: f, report: report, seen: f.stamps()}
	var err error
	s.valid, err = f.read()
	return s, err
}

// stamps returns the stamps of all files. That of a file that cannot be looked at is zero.
func (f PEMFiles) stamps() []stamp {
	var all []stamp
	for _, path := range []string{f.Certificate, f.Key, f.CA} {
		var st stamp
		if info, err := os.Stat(path); path != "" && err == nil {
			st = stamp{info.Size(), info.ModTime(), info}
		}
		all = append(all, st)
	}
	return all
}

// read reads the files.
func (f PEMFiles) read() (*content, error) {
	c := &content{server: &tls.Config{MinVersion: tls.VersionTLS13, SessionTicketsDisabled: true}}
	if (f.Certificate == "") != (f.Key == "") {
		return nil, errors.New("a certificate and its key belong together: name both files")
	}
	if f.Certificate != "" {
		cert, err := keyPair(f.Certificate, f.Key)
		if err != nil {
			return nil, fmt.Errorf("cannot use the certificate %s with the key %s: %w", f.Certificate, f.Key, err)
		}
		c.cert = &cert
		c.server.Certificates = []tls.Certificate{cert}
	}
	if f.CA != "" {
		pem, err := readFile(f.CA)
		if err != nil {
			return nil, fmt.Errorf("cannot read the certificates of authorities: %w", err)
		}
		c.pool = x509.NewCertPool()
		if !c.pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate in PEM; it must begin with -----BEGIN CERTIFICATE-----", f.CA)
		}
		c.server.ClientCAs, c.server.ClientAuth = c.pool, tls.RequireAndVerifyClientCert
	}
	return c, nil
}

// keyPair is [tls.LoadX509KeyPair] with [readFile].
func keyPair(certFile, keyFile string) (tls.Certificate, error) {
	cert, err := readFile(certFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := readFile(keyFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(cert, key)
}

// readTime bounds how long a handshake waits for a pipe below /dev in the place of a file.
const readTime = 5 * time.Second

// readFile reads a file. A FIFO or an endless device in its place must not hold up all handshakes.
func readFile(path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), readTime)
	defer cancel()
	return fsutil.ReadFile(ctx, path)
}

// current returns what the files hold. PEMFiles that cannot be used are reported once, and what they held
// before stays valid.
func (s *source) current() *content {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.files.stamps()
	changed := false
	for i := range now {
		changed = changed || !now[i].same(s.seen[i])
	}
	if !changed {
		return s.valid
	}
	s.seen = now
	c, err := s.files.read()
	if err != nil {
		s.report(fmt.Errorf("%w; keeping the certificates that were read before", err))
		return s.valid
	}
	s.valid = c
	return c
}

// Server returns the settings of a server. report is called when files that have changed cannot be
// used; it may be nil.
func (f PEMFiles) Server(report func(error)) (*tls.Config, error) {
	if f.Certificate == "" {
		return nil, errors.New("a server needs a certificate and its key")
	}
	s, err := open(f, report)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return s.current().server, nil },
	}, nil
}

// Client returns the settings of a client. report is called when files that have changed cannot be
// used; it may be nil. Whoever connects to an address rather than a name must add it to the ServerName
// that VerifyConnection gets, which package tls leaves empty then; package spread does.
func (f PEMFiles) Client(report func(error)) (*tls.Config, error) {
	s, err := open(f, report)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if c := s.current().cert; c != nil {
				return c, nil
			}
			return new(tls.Certificate), nil
		},
		// The authorities may change, which RootCAs cannot, so VerifyConnection verifies instead.
		InsecureSkipVerify: true,
		VerifyConnection: func(cs tls.ConnectionState) error {
			if cs.ServerName == "" { // x509 would accept the certificate of any host
				return errors.New("no name to look for in the daemon's certificate")
			}
			opts := x509.VerifyOptions{Roots: s.current().pool, DNSName: cs.ServerName, Intermediates: x509.NewCertPool()}
			for _, c := range cs.PeerCertificates[1:] {
				opts.Intermediates.AddCert(c)
			}
			_, err := cs.PeerCertificates[0].Verify(opts)
			return err
		},
	}, nil
}

// Identity returns the name by which the owner of a certificate is known: its first DNS name, otherwise
// its first URI, otherwise its common name.
func Identity(c *x509.Certificate) string {
	switch {
	case len(c.DNSNames) > 0:
		return c.DNSNames[0]
	case len(c.URIs) > 0:
		return c.URIs[0].String()
	default:
		return c.Subject.CommonName
	}
}
