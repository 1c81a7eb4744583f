package scenarios

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// Unit is the base unit of a value.
type Unit string

// The base units: what a Value's Number counts.
const (
	Text              Unit = "text" // no number
	Count             Unit = "count"
	Bytes             Unit = "bytes"
	BytesPerSecond    Unit = "bytes_per_s"
	CommandsPerSecond Unit = "commands_per_s"
	Nanoseconds       Unit = "ns"
	PPB               Unit = "ppb" // parts per billion
)

// The largest quantities that are taken seriously.
const (
	MaxDuration = 30 * 24 * time.Hour
	maxSize     = int64(1) << 50 // 1 PiB
	maxBacklog  = int64(1) << 40 // 1 TiB
	maxRate     = int64(1e12)    // 1 TB/s
	maxCommands = int64(1e9)     // a second
)

// notation is how a kind of field writes its quantities.
type notation uint8

const (
	asText        notation = iota
	asCount                // 7
	asSize                 // 1.5MB
	asRate                 // 1MB/s, 100mbit/s; bytes a second
	asCommands             // 5000/s
	asDuration             // 250ms
	asConfMemory           // 1mb = 1048576
	asConfSeconds          // 60, in whole seconds
	asShare                // 0.1%
)

// format writes a base-unit number as the notation would, exactly.
func (n notation) format(v int64) string {
	switch n {
	case asSize:
		return strconv.FormatInt(v, 10) + "B"
	case asRate:
		return strconv.FormatInt(v, 10) + "B/s"
	case asCommands:
		return strconv.FormatInt(v, 10) + "/s"
	case asDuration:
		return time.Duration(v).String()
	case asShare:
		return strings.TrimSuffix(strings.TrimRight(strconv.FormatInt(v/1e7, 10)+"."+fmt.Sprintf("%07d", v%1e7), "0"), ".") + "%"
	case asConfMemory:
		return confMemoryText(v)
	case asConfSeconds:
		return strconv.FormatInt(v/int64(time.Second), 10)
	}
	return strconv.FormatInt(v, 10)
}

// step is the least difference between two values that the notation can write.
func (n notation) step() int64 {
	if n == asConfSeconds {
		return int64(time.Second)
	}
	return 1
}

// decimal reads digits with an optional fraction at the start of s.
func decimal(s string) (number, rest string) {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	if i == 0 {
		return "", s
	}
	if i+1 < len(s) && s[i] == '.' && s[i+1] >= '0' && s[i+1] <= '9' {
		i++
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
	}
	return s[:i], s[i:]
}

// times multiplies a decimal number by num/den, exactly.
func times(number string, num, den, limit int64, unit string) (int64, error) {
	if len(number) > 40 {
		return 0, errors.New("that many digits make no sense here")
	}
	r, ok := new(big.Rat).SetString(number)
	if !ok {
		return 0, errors.New("not a number")
	}
	r.Mul(r, big.NewRat(num, den))
	if r.Cmp(new(big.Rat).SetInt64(limit)) > 0 {
		return 0, fmt.Errorf("too large; at most %d %s", limit, unit)
	}
	if !r.IsInt() {
		return 0, fmt.Errorf("not a whole number of %s", unit)
	}
	return r.Num().Int64(), nil
}

var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"B", 1}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30},
}

const sizeWant = "a size such as 100MB or 64MiB"

// parseSize reads B, kB, MB, GB, KiB, MiB, GiB.
func parseSize(s string, limit int64) (int64, error) {
	number, unit := decimal(s)
	if number == "" {
		return 0, notNumber(s, sizeWant)
	}
	for _, u := range sizeUnits {
		if u.name == unit {
			return times(number, u.bytes, 1, limit, "bytes")
		}
	}
	switch strings.ToLower(unit) {
	case "":
		return 0, errors.New("a unit is missing: B, kB, MB, GB, KiB, MiB or GiB")
	case "b":
		return 0, fmt.Errorf("the unit is B: write %sB", number)
	case "k", "kb", "kib":
		return 0, fmt.Errorf("write %skB (1000) or %sKiB (1024); %q is redis.conf's notation, for config only", number, number, unit)
	case "m", "mb", "mib":
		return 0, fmt.Errorf("write %sMB (1000000) or %sMiB (1048576); %q is redis.conf's notation, for config only", number, number, unit)
	case "g", "gb", "gib":
		return 0, fmt.Errorf("write %sGB (1000000000) or %sGiB (1073741824); %q is redis.conf's notation, for config only", number, number, unit)
	}
	return 0, fmt.Errorf("unknown unit %q; expected B, kB, MB, GB, KiB, MiB or GiB", shorten(unit))
}

// notNumber explains a text that does not begin with a digit.
func notNumber(s, want string) error {
	switch {
	case strings.HasPrefix(s, "-"):
		return errors.New("must not be negative; expected " + want)
	case s == "":
		return errors.New("a value is missing; expected " + want)
	}
	return errors.New("not a number; expected " + want)
}

const rateWant = "a rate such as 1MB/s, 5000/s or 100mbit/s"

// parseRate reads a size a second, N/s commands, or N[k|m|g]bit/s.
func parseRate(s string) (int64, Unit, error) {
	number, unit := decimal(s)
	if number == "" {
		return 0, Text, notNumber(s, rateWant)
	}
	per, ok := strings.CutSuffix(unit, "/s")
	if !ok {
		return 0, Text, errors.New("a rate ends in /s; expected " + rateWant)
	}
	if per == "" {
		v, err := times(number, 1, 1, maxCommands, "commands a second")
		return v, CommandsPerSecond, err
	}
	bits := int64(0)
	switch strings.ToLower(per) {
	case "bit":
		bits = 1
	case "kbit":
		bits = 1e3
	case "mbit":
		bits = 1e6
	case "gbit":
		bits = 1e9
	}
	if bits > 0 {
		v, err := times(number, bits, 8, maxRate, "bytes a second")
		return v, BytesPerSecond, err
	}
	v, err := parseSize(number+per, maxRate)
	return v, BytesPerSecond, err
}

const durationWant = "a duration such as 250ms, 5s or 2h"

// parseDuration reads Go's durations, up to MaxDuration.
func parseDuration(s string) (time.Duration, error) {
	if number, rest := decimal(s); number == "" && (rest == "" || rest[0] != '.') {
		return 0, notNumber(s, durationWant)
	} else if number != "" && rest == "" && s != "0" {
		return 0, fmt.Errorf("a unit is missing: %ss is seconds, %sms milliseconds", number, number)
	}
	if len(s) > 64 {
		return 0, errors.New("too long; expected " + durationWant)
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, errors.New("not a duration; expected " + durationWant)
	}
	if d < 0 {
		return 0, notNumber("-", durationWant)
	}
	if d > MaxDuration {
		return 0, errors.New("too long; at most 720h (30 days)")
	}
	return d, nil
}

// parseCount reads a plain whole number in [least, most].
func parseCount(s string, least, most int64) (int64, error) {
	v, err := strconv.ParseInt(s, 10, 64)
	switch {
	case s == "":
		return 0, errors.New("a value is missing; expected a whole number")
	case errors.Is(err, strconv.ErrRange):
		return 0, fmt.Errorf("out of range; expected a number from %d to %d", least, most)
	case err != nil || s[0] == '+':
		return 0, errors.New("not a whole number")
	case v < least || v > most:
		return 0, fmt.Errorf("out of range; expected a number from %d to %d", least, most)
	}
	return v, nil
}

// parseConfMemory reads a memory amount as redis.conf does (memtoll in util.c).
func parseConfMemory(s string, limit int64) (int64, error) {
	const want = "an amount of memory as in redis.conf, such as 1mb (1048576), 1m (1000000) or 65536"
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	if i == 0 {
		return 0, notNumber(s, want)
	}
	if strings.HasPrefix(s[i:], ".") {
		return 0, errors.New("redis.conf has no fractions; expected " + want)
	}
	if strings.HasPrefix(s[i:], " ") {
		return 0, errors.New("redis.conf has no space before the unit; expected " + want)
	}
	mul := int64(0)
	switch strings.ToLower(s[i:]) {
	case "", "b":
		mul = 1
	case "k":
		mul = 1000
	case "kb":
		mul = 1 << 10
	case "m":
		mul = 1000 * 1000
	case "mb":
		mul = 1 << 20
	case "g":
		mul = 1000 * 1000 * 1000
	case "gb":
		mul = 1 << 30
	case "kib", "mib", "gib":
		return 0, fmt.Errorf("redis.conf writes %s%cb for that; expected %s", s[:i], s[i]|0x20, want)
	default:
		return 0, fmt.Errorf("redis.conf knows no unit %q; expected %s", shorten(s[i:]), want)
	}
	v, err := strconv.ParseInt(s[:i], 10, 64)
	if err != nil || v > limit/mul {
		return 0, fmt.Errorf("too large; at most %d bytes", limit)
	}
	return v * mul, nil
}
