package judge

import "testing"

func TestPercent(t *testing.T) {
	for share, want := range map[float64]string{0.004: "0.4 %", 0.088: "8.8 %", 0.99: "99 %", 0.996: "2x", 10: "11x", 250: "251x"} {
		if got := percent(share); got != want {
			t.Errorf("percent(%v) = %q, want %q", share, got, want)
		}
	}
}
