package servertest

import "slices"

// cases is everything the suite checks.
var cases = slices.Concat(requestCases, streamCases, replyCases, connectionCases, stopCases)
