//go:build !linux

package service

// self stands for this program, which has no path here but its own.
const self = ""

const selfExecutes = false
