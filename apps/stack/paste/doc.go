// Package paste reads and writes stacks in the INI files of Paste Deploy, and resolves such
// files for what they are, whatever they name.
//
// Resolve follows paste.deploy.loadwsgi 3 and, for the text of the files, CPython's
// configparser: what they refuse it refuses, and what they read it reads, which a test holds
// against the installed ones. Where a file means something that few expect, there is a Warning. It
// differs in this: what an egg or a module holds is not looked up, so that an egg's factory has the
// protocol that the place asks for, and distributions that `require` names are kept and not
// checked; and files of more than 1 MiB, references of more than 100 steps, and files that unfold
// into more than 10,000 apps and filters are refused.
//
// Read makes a stack of a file by a stack.Catalog: `egg:benchctl#NAME` is a layer in the place of a
// filter, and a source in that of an app; the keys of its section are its fields. `egg:Paste#urlmap`
// is stack.Paths or stack.Hosts, and `egg:Paste#cascade` stack.Cascade. Write is its inverse.
package paste
