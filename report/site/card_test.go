package site_test

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/report/site"
)

// Pictures are there where the site's URL is known: other sites take no relative one.
func TestCards(t *testing.T) {
	store := t.TempDir()
	runs := several(t, store)
	out := t.TempDir()
	built(t, out, site.Options{Full: 2, URL: "https://example.org/bench"}, runs...)
	for path, url := range map[string]string{
		"index.html": "https://example.org/bench/card.png", "runs/r4/index.html": "https://example.org/bench/runs/r4/card.png", "runs/r3/index.html": "https://example.org/bench/runs/r3/card.png",
	} {
		if page := content(t, out, path); !strings.Contains(page, `<meta property="og:image" content="`+url+`">`) {
			t.Errorf("%s does not name %s", path, url)
		}
		picture := content(t, out, strings.TrimPrefix(url, "https://example.org/bench/"))
		is, err := png.DecodeConfig(bytes.NewReader([]byte(picture)))
		if err != nil || is.Width != 1200 || is.Height != 630 {
			t.Errorf("picture of %s: %+v, %v, want 1200 x 630", path, is, err)
		}
	}
	if strings.Contains(content(t, out, "runs/r1/index.html"), "og:image") {
		t.Error("a run of one page names a picture that it does not have")
	}
	unknown := t.TempDir()
	built(t, unknown, site.Options{Full: 2}, runs...)
	if _, err := os.Stat(filepath.Join(unknown, "card.png")); err == nil || strings.Contains(content(t, unknown, "index.html"), "og:image") {
		t.Error("a site of no URL has a picture")
	}
}
