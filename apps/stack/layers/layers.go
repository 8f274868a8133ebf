package layers

import "github.com/benchctl/benchctl/apps/stack"

// All is a layer of each type with no field set, in the order of the names of their About.
func All() []stack.Layer {
	return []stack.Layer{
		AccessLog{},
		BasicAuth{},
		BodyLimit{},
		Compress{},
		Cookies{},
		CORS{},
		ETag{},
		Forwarded{},
		Headers{},
		Health{},
		MethodOverride{},
		Metrics{},
		Range{},
		RateLimit{},
		Recover{},
		RequestID{},
		Session{},
		Timeout{},
	}
}

// Catalog is what config files can name: All, and the sources of this package.
func Catalog() stack.Catalog {
	return stack.Catalog{Layers: All(), Sources: []stack.Source{Static{}}}
}
