package lint_test

import "unsafe"

// view is a string that changes with the bytes, as servers hand out.
func view(b []byte) string { return unsafe.String(&b[0], len(b)) }
