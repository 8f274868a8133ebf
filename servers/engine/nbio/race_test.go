//go:build race

package nbio

const raceEnabled = true
