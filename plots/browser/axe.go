package browser

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// The release of axe-core in use, and its checksum as npm's registry tells it. It is
// under the Mozilla Public License and no part of what we build.
const (
	axeVersion  = "4.14.1"
	axeChecksum = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==" // SHA-512, base64
	axeURL      = "https://registry.npmjs.org/axe-core/-/axe-core-" + axeVersion + ".tgz"
	axeFile     = "package/axe.min.js" // in the archive
	maxAxe      = 16 << 20             // bytes, of the archive and of the file
)

// axe is what is run on a page: all rules of axe-core that are on, a line for each
// that is broken.
const axe = `axe.run(document, { resultTypes: ["violations"] }).then(r => r.violations
	.filter(v => v.impact === "serious" || v.impact === "critical")
	.map(v => v.impact + " " + v.id + ": " + v.help + ", " + v.nodes.length + " times, first " + v.nodes[0].target.join(" ") + " " + v.nodes[0].html.slice(0, 200) + " " + (v.nodes[0].any[0] ? v.nodes[0].any[0].message : "")))`

// Accessibility returns what axe-core finds on the page that is serious or critical.
func (b *Browser) Accessibility() []string {
	b.t.Helper()
	if b.Eval(`typeof axe`) != "object" {
		source, err := axeSource()
		if err != nil {
			b.t.Fatal(err)
		}
		b.Eval(string(source) + "\n;0")
	}
	return b.Words(axe)
}

// axeSource returns axe-core's script, from the user's cache or from npm's registry.
func axeSource() ([]byte, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("browser: axe-core: %w", err)
	}
	kept := filepath.Join(cache, "flushbench", filepath.Base(axeURL))
	archive, err := os.ReadFile(kept)
	if err != nil || !genuine(archive) {
		if archive, err = fetchAxe(); err != nil {
			return nil, fmt.Errorf("browser: axe-core: %w", err)
		}
		if !genuine(archive) {
			return nil, fmt.Errorf("browser: axe-core: %s has another checksum than %s", axeURL, axeChecksum)
		}
		if err := keepAxe(kept, archive); err != nil {
			return nil, fmt.Errorf("browser: axe-core: %w", err)
		}
	}
	return unpackAxe(archive)
}

// genuine reports whether the archive is the one that was chosen.
func genuine(archive []byte) bool {
	sum := sha512.Sum512(archive)
	return base64.StdEncoding.EncodeToString(sum[:]) == axeChecksum
}

// fetchAxe tries again after a pause: the registry, or the way there, may be away.
func fetchAxe() ([]byte, error) {
	client := http.Client{Timeout: time.Minute}
	var err error
	for _, pause := range []time.Duration{0, 2 * time.Second, 10 * time.Second, 30 * time.Second} {
		time.Sleep(pause)
		var answer *http.Response
		if answer, err = client.Get(axeURL); err != nil {
			continue
		}
		var data []byte
		data, err = io.ReadAll(io.LimitReader(answer.Body, maxAxe))
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			err = fmt.Errorf("%s: %s", axeURL, answer.Status)
		}
		if err == nil {
			return data, nil
		}
	}
	return nil, err
}

// keepAxe puts the archive into the cache, whole or not at all.
func keepAxe(path string, archive []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".axe-")
	if err != nil {
		return err
	}
	_, err = f.Write(archive)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

func unpackAxe(archive []byte) ([]byte, error) {
	unzipped, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, fmt.Errorf("browser: axe-core: %w", err)
	}
	files := tar.NewReader(unzipped)
	for {
		head, err := files.Next()
		if err != nil {
			return nil, fmt.Errorf("browser: axe-core: no %s in %s: %w", axeFile, axeURL, err)
		}
		if head.Name == axeFile {
			return io.ReadAll(io.LimitReader(files, maxAxe))
		}
	}
}
