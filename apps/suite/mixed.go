package suite

// mixedSpec is what a site does all day, in requests: mostly small replies, some
// pages, files and uploads.
func mixedSpec() Spec {
	return Spec{
		Name: "mixed", Doc: "a mix: 30 % hello, 20 % json, 15 % template, 10 % each session, size, static-1k, 4 % compress, 1 % upload of 64 KiB",
		Methods: get(),
		parts: []part{
			{30, "hello"}, {20, "json"}, {15, "template"}, {10, "session"}, {10, "size?bytes=10000"},
			{10, "static-1k"}, {4, "compress"}, {1, "upload?bytes=65536"},
		},
	}
}
