// Package stack composes apps of package apps: layers (middleware) around an app, apps side
// by side by host or path, and processes in front of them. Its Go values are the model; config
// files are read into them and written from them, and hold nothing that they do not.
//
//	app, err := stack.Build(stack.Pipeline{
//		Layers: []stack.Layer{layers.RequestID{}, layers.Gzip{Level: 6}},
//		Node:   stack.App{Source: hello},
//	})
//
// A Node answers requests: App, Pipeline, Hosts, Paths, Cascade, Front. A Layer is a struct whose
// fields are its config. It says what it needs of the layers outside it and what it gives to those
// inside, and Build refuses a stack where something is missing, out of bounds or can't be made,
// with the place of each fault. Nothing is left out of a stack because it can't start.
//
// A place names a part of a stack from its root: "layers[1].level", `paths["/api"].app`.
package stack
