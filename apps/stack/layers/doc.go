// Package layers has the layers and sources that stacks are made of: each one struct, whose fields
// are its config. All lists the layers, and Catalog has what config files can name.
//
// No layer holds a stream back, and none changes a body that it was given. A layer that must know
// a field of the answer, or has to take one back, keeps that field until the app has answered.
package layers
