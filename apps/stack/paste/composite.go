package paste

import "strings"

// composite names the composite of Paste that a factory is: "urlmap", "cascade" or "".
func composite(factory string) string {
	switch egg, name, _ := strings.Cut(factory, "#"); {
	case strings.EqualFold(egg, "egg:paste") && (name == "urlmap" || name == "cascade"):
		return name
	case strings.TrimPrefix(factory, "call:") == "paste.urlmap:urlmap_factory":
		return "urlmap"
	case strings.TrimPrefix(factory, "call:") == "paste.cascade:make_cascade":
		return "cascade"
	}
	return ""
}
