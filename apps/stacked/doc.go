// Package stacked has test apps with layers around them, as a run serves them and asks for them: how
// they are named, where they are mounted, what a request of the load carries for the layers to act on,
// and what the right reply is.
//
// The right reply is that of the app, as package suite knows it. The whole is asked in memory once, and
// its reply must be the app's: as it is, or in a content coding. A stack whose reply is another one is
// refused, since a load could not tell whether it is right; so is a layer whose replies no request of a
// load can foresee.
package stacked
