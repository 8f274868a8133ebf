package service

// self is this program, which the process can execute even where it can't reach its path.
const self = "/proc/self/exe"

const selfExecutes = true
