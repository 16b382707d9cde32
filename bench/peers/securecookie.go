// gorilla/securecookie for Go: AES-CTR and HMAC-SHA256 with two keys, JSON, a time stamp.
// Its limit of 4096 bytes is lifted, or it would not seal the largest of the sizes.
//
//	PEER TURN_MS SIZE:NOTE_LENGTH...
package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"syscall"

	"github.com/gorilla/securecookie"
)

const (
	batch    = 16
	rounds   = 7
	lifetime = 43200
)

var version = "unknown" // set by the linker

type variables struct {
	UserID int64  `json:"user_id"`
	Name   string `json:"name"`
	Role   string `json:"role"`
	CSRF   string `json:"csrf"`
	Note   string `json:"note,omitempty"`
}

func require(truth bool, what string) {
	if !truth {
		fmt.Fprintln(os.Stderr, what)
		os.Exit(1)
	}
}

func randomText(length int, characters string) string {
	text := make([]byte, length)
	_, err := rand.Read(text)
	require(err == nil, "no randomness")
	for i, value := range text {
		text[i] = characters[int(value)%len(characters)]
	}
	return string(text)
}

func cpuNanoseconds() int64 {
	var usage syscall.Rusage
	require(syscall.Getrusage(syscall.RUSAGE_SELF, &usage) == nil, "no clock of CPU time")
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func turn(run func(), turnNanoseconds int64) float64 {
	start := cpuNanoseconds()
	done := 0
	spent := int64(0)
	for spent < turnNanoseconds {
		for i := 0; i < batch; i++ {
			run()
		}
		done += batch
		spent = cpuNanoseconds() - start
	}
	return float64(spent) / float64(done)
}

func median(run func(), turnNanoseconds int64) float64 {
	turn(run, 5*turnNanoseconds)
	var figures [rounds]float64
	for i := range figures {
		figures[i] = turn(run, turnNanoseconds)
	}
	sort.Float64s(figures[:])
	return figures[rounds/2]
}

func main() {
	require(len(os.Args) > 2, "usage: TURN_MS SIZE:NOTE_LENGTH...")
	milliseconds, _ := strconv.Atoi(os.Args[1])
	codec := securecookie.New(securecookie.GenerateRandomKey(64), securecookie.GenerateRandomKey(32))
	codec.SetSerializer(securecookie.JSONEncoder{}).MaxAge(lifetime).MaxLength(8192)

	for _, argument := range os.Args[2:] {
		size, length, _ := strings.Cut(argument, ":")
		noteLength, err := strconv.Atoi(length)
		require(err == nil, "not SIZE:NOTE_LENGTH")
		sealed := variables{12345678, "Ada Lovelace", "admin", randomText(32, "0123456789abcdef"),
			randomText(noteLength, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")}

		seal := func() string {
			cookie, err := codec.Encode("session", sealed)
			require(err == nil, "a cookie is not sealed")
			return cookie
		}
		open := func(cookie string) (opened variables, err error) {
			err = codec.Decode("session", cookie, &opened)
			return
		}
		cookie := seal()
		middle := "A"
		if cookie[len(cookie)/2] == 'A' {
			middle = "B"
		}
		forged := cookie[:len(cookie)/2] + middle + cookie[len(cookie)/2+1:]
		opened, err := open(cookie)
		require(err == nil && opened == sealed, "what was opened is not what was sealed")

		operations := []struct {
			name string
			run  func()
		}{
			{"seal", func() { seal() }},
			{"open", func() {
				opened, err := open(cookie)
				require(err == nil && len(opened.CSRF) == 32, "a cookie does not open")
			}},
			{"forged", func() {
				_, err := open(forged)
				require(err != nil, "a forged cookie is not refused")
			}},
		}
		for _, operation := range operations {
			fmt.Printf(`{"peer":"gorilla/securecookie","version":"%s","operation":"%s","size":%s,`+
				`"ns":%.1f,"bytes":%d}`+"\n", version, operation.name, size,
				median(operation.run, int64(milliseconds)*1000000), len(cookie))
		}
	}
}
