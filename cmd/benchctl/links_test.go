package main

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every relative link of the documentation leads to a file, and every anchor to a heading
// of a page. Addresses of other sites are left alone.
func TestLinks(t *testing.T) {
	all := pages(t)
	found := 0
	for name, text := range all {
		for _, to := range links(text) {
			if strings.Contains(to, "://") {
				continue
			}
			found++
			if wrong := follow(all, name, to); wrong != "" {
				t.Errorf("%s: link to %s: %s", name, to, wrong)
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d links were found", found)
	}
	for name := range all {
		if to := strings.TrimPrefix(name, "docs/"); to != name && to != "README.md" && !strings.Contains(string(all["docs/README.md"]), "]("+to+")") {
			t.Errorf("docs/README.md has no link to %s", to)
		}
	}
}

// What is wrong with links is told.
func TestWrongLinks(t *testing.T) {
	all := pages(t)
	for to, want := range map[string]string{
		"docs/nowhere.md":                  "no such file",
		"#nowhere":                         "no such heading",
		"docs/architecture.md#nowhere":     "no such heading",
		"Makefile#bench":                   "no such heading",
		"docs/architecture.md#conformance": "",
		"docs/images":                      "",
	} {
		if got := follow(all, "README.md", to); got != want {
			t.Errorf("%s: %q, want %q", to, got, want)
		}
	}
}

// follow tells what is wrong with a link of a page, "" if nothing is.
func follow(all map[string][]byte, from, to string) string {
	file, anchor, hasAnchor := strings.Cut(to, "#")
	target := from
	if file != "" {
		target = path.Join(path.Dir(from), file)
	}
	if _, err := os.Stat(filepath.Join(repository, filepath.FromSlash(target))); err != nil {
		return "no such file"
	}
	if hasAnchor && !anchors(all[target])[anchor] {
		return "no such heading"
	}
	return ""
}

var (
	linked    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	codeSpans = regexp.MustCompile("`[^`\n]*`")
	headed    = regexp.MustCompile(`(?m)^#+ (.*)$`)
	unlinked  = regexp.MustCompile(`\[([^]]*)\]\([^)]*\)`)
	noAnchor  = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// links are where a page leads to, without what stands in code.
func links(text []byte) []string {
	var all []string
	prose := codeSpans.ReplaceAll(fence.ReplaceAll(text, nil), []byte("code"))
	for _, m := range linked.FindAllSubmatch(prose, -1) {
		all = append(all, string(m[1]))
	}
	return all
}

// anchors are those of a page's headings, as GitHub makes them: in small letters, without
// punctuation, with hyphens for spaces. Headings are not repeated within a page.
func anchors(text []byte) map[string]bool {
	all := make(map[string]bool)
	for _, m := range headed.FindAllSubmatch(fence.ReplaceAll(text, nil), -1) {
		heading := unlinked.ReplaceAllString(strings.ToLower(string(m[1])), "$1")
		all[strings.ReplaceAll(noAnchor.ReplaceAllString(heading, ""), " ", "-")] = true
	}
	return all
}
