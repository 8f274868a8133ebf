// Package paste reads and writes stacks in the INI files of Paste Deploy, and resolves such
// files for what they are, whatever they name.
//
// Resolve follows paste.deploy.loadwsgi 3 and, for the text of the files, CPython's
// configparser: what they refuse it refuses, and what they read it reads, which a test holds
// against the installed ones. Where a file means something that few expect, there is a Warning. It
// differs in two things. What an egg or a module holds is not looked up, so that an egg's factory has
// the protocol that its place asks for, and the distributions that "require" names are kept and not
// checked. And what a file may cause is bounded: files have at most 1 MiB, sections are at most 100
// steps from the first one, and a file unfolds into at most 10,000 apps and filters.
//
// Read makes a stack of a file by a stack.Catalog: "egg:benchctl#NAME" is a layer in the place of a
// filter, and a source in that of an app; the keys of its section are its fields. A pipeline, a
// filter-app and filter-with are a stack.Pipeline. "egg:Paste#urlmap" is stack.Paths or, if an app is
// for a domain, stack.Hosts, in which "*.example.org" is what it is there and ports can't be
// told apart; "egg:Paste#cascade" is stack.Cascade. All else is refused by its name, and so is a key
// that reaches no factory. The globals of a file are config of nothing, except by "get".
//
// Write is the inverse of Read.
package paste
