package servertest

import "slices"

// cases is everything the suite checks.
var cases = slices.Concat(requestCases, fieldCases, routeCases, streamCases, replyCases, fileCases, connectionCases, stopCases, drainCases)
