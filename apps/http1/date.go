package http1

import (
	"bytes"
	"net/http"
	"time"
)

var monthNames = []byte("JanFebMarAprMayJunJulAugSepOctNovDec")

// ParseDate reads an HTTP date (RFC 9110 section 5.6.7) as seconds since 1970. The
// form that servers must send is read without allocating, the obsolete ones are
// left to net/http.
func ParseDate(b []byte) (unix int64, ok bool) {
	// 0123456789012345678901234567
	// Sun, 06 Nov 1994 08:49:37 GMT
	if len(b) != len(http.TimeFormat) || string(b[3:5]) != ", " || string(b[25:]) != " GMT" ||
		b[7] != ' ' || b[11] != ' ' || b[16] != ' ' || b[19] != ':' || b[22] != ':' {
		return parseObsoleteDate(b)
	}
	month := bytes.Index(monthNames, b[8:11])
	day, year := number(b[5:7]), number(b[12:16])
	hour, minute, second := number(b[17:19]), number(b[20:22]), number(b[23:25])
	if month < 0 || month%3 != 0 || min(day, year, hour, minute, second) < 0 {
		return 0, false
	}
	return time.Date(year, time.Month(month/3+1), day, hour, minute, second, 0, time.UTC).Unix(), true
}

func parseObsoleteDate(b []byte) (int64, bool) {
	t, err := http.ParseTime(string(b))
	return t.Unix(), err == nil
}

// number reads decimal digits, -1 if there is anything else.
func number(b []byte) (n int) {
	for _, c := range b {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	return n
}
