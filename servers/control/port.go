package control

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
)

// FreeAddress finds a loopback port that nothing listens on now. It is none of those that
// the system gives to whoever asks for any (ip_local_port_range of ip(7)), or another
// process could have it before the candidate. Ready proves later that nobody else took it.
func FreeAddress() (string, error) {
	low, high := chosenPorts()
	for range 100 {
		if address := net.JoinHostPort("127.0.0.1", strconv.Itoa(low+rand.IntN(high-low))); isFree(address) {
			return address, nil
		}
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

func isFree(address string) bool {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return false
	}
	return ln.Close() == nil
}

// chosenPorts are the ports from low up to, without, high that have to be asked for by
// number: those below the ones that the system gives, or above where these begin early.
func chosenPorts() (low, high int) {
	const first, end, enough = 10_000, 1 << 16, 1000
	from, to := 32_768, 60_999 // the usual ones
	if text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
		_, _ = fmt.Sscan(string(text), &from, &to)
	}
	if from < first+enough && to+enough < end {
		return to + 1, end
	}
	return first, max(from, first+enough)
}
