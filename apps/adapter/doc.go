// Package adapter holds what the adapters between the app contract (package
// apps) and the engines share: the app's recorded answer, a request body that
// ends where it should, a context made on demand, and the counting that a
// graceful stop needs.
//
// An adapter embeds Answer and Scope in the object it passes to the app as
// Request and Response, and keeps such objects in a pool, so that a request
// costs no allocation beyond the engine's own.
package adapter
