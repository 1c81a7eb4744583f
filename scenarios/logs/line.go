package logs

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Line is one line that a server logged.
type Line struct {
	File   string
	Number int // from 1
	At     time.Time
	Year   bool // the log names the year
	PID    int
	Role   byte   // M, S, C (a child), X (sentinel), or 0 where the log does not say
	Source string // what stands before the line: the name of a service
	Text   string
}

// Place is where the line stands.
func (l *Line) Place() string { return fmt.Sprintf("%s:%d", l.File, l.Number) }

const stamp = `\d{1,2} [A-Z][a-z]{2}(?: \d{4})? \d\d:\d\d:\d\d(?:\.\d+)?`
const iso = `\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?`

var (
	// 3.0 and newer: pid:role time level text (server.c, serverLogRaw).
	since30 = regexp.MustCompile(`(\d+):([MSCX]) (` + stamp + `|` + iso + `) (?:[.*#-]|debug|info|notice|warning) (.*)$`)
	// Up to 2.8: [pid] time level text (redis.c, redisLogRaw).
	until28 = regexp.MustCompile(`\[(\d+)\] (` + stamp + `) [.*#-] (.*)$`)
	// valkey 8.1's log-format logfmt.
	logfmt = regexp.MustCompile(`pid=(\d+) role=(\S+) timestamp="([^"]+)" level=\S+ message="(.*)"$`)
	// syslog-enabled, and journald.
	syslog = regexp.MustCompile(`^([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|` + iso + `) \S+ (?:redis|valkey)[^ \[]*\[(\d+)\]: (.*)$`)

	// What collectors put before a line beside the name of its service: colours, a time of
	// their own (CRI's with the name of the pipe), the identifier of the process.
	colours  = regexp.MustCompile(`\x1b\[[0-9;]*[A-Za-z]`)
	stamped  = regexp.MustCompile(`(?:` + iso + `|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d)(?: std(?:out|err) [FP])?`)
	numbered = regexp.MustCompile(`\[\d+\]: *$`)
)

// source is the name of a service in what stands before a line: nothing that
// changes from one line of it to the next.
func source(before string) string {
	if before == "" {
		return ""
	}
	before = numbered.ReplaceAllString(stamped.ReplaceAllString(before, " "), "")
	return strings.Trim(strings.Join(strings.Fields(before), " "), " |:")
}

// parse reads one line; false is one that no server printed.
func parse(text string) (l Line, ok bool) {
	if strings.IndexByte(text, 0x1b) >= 0 {
		text = colours.ReplaceAllString(text, "")
	}
	if strings.HasPrefix(text, "{") {
		var doc map[string]any
		if json.Unmarshal([]byte(text), &doc) == nil {
			for _, k := range []string{"log", "message", "MESSAGE", "msg"} {
				if s, found := doc[k].(string); found {
					return parse(strings.TrimRight(s, "\r\n"))
				}
			}
		}
	}
	stampText, before := "", ""
	if m := since30.FindStringSubmatchIndex(text); m != nil {
		group := func(i int) string { return text[m[2*i]:m[2*i+1]] }
		l.PID, l.Role, stampText, l.Text, before = atoi(group(1)), group(2)[0], group(3), group(4), text[:m[0]]
	} else if m := logfmt.FindStringSubmatchIndex(text); m != nil {
		group := func(i int) string { return text[m[2*i]:m[2*i+1]] }
		l.PID, stampText, l.Text, before = atoi(group(1)), group(3), group(4), text[:m[0]]
		l.Role = map[string]byte{"primary": 'M', "master": 'M', "replica": 'S', "slave": 'S', "RDB/AOF": 'C', "sentinel": 'X'}[group(2)]
	} else if m := until28.FindStringSubmatchIndex(text); m != nil {
		group := func(i int) string { return text[m[2*i]:m[2*i+1]] }
		l.PID, stampText, l.Text, before = atoi(group(1)), group(2), group(3), text[:m[0]]
	} else if m := syslog.FindStringSubmatch(text); m != nil {
		stampText, l.PID, l.Text = m[1], atoi(m[2]), m[3]
	} else {
		return l, false
	}
	l.Source = source(before)
	l.At, l.Year, ok = parseTime(stampText)
	return l, ok
}

func atoi(s string) int { n, _ := strconv.Atoi(s); return n }

// parseTime reads a server's time. Without a year it is in the year 0; see
// [dates].
func parseTime(s string) (at time.Time, year, ok bool) {
	s = strings.Replace(s, ",", ".", 1)
	for _, f := range []string{"2 Jan 2006 15:04:05", time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05", "2006-01-02 15:04:05"} {
		if at, err := time.Parse(f, s); err == nil {
			return at.UTC(), true, true
		}
	}
	for _, f := range []string{"2 Jan 15:04:05", "Jan _2 15:04:05"} {
		if at, err := time.Parse(f, s); err == nil {
			return at.UTC(), false, true
		}
	}
	return at, false, false
}

// dates gives a year to lines without one, so that time does not go back: the
// first has that of year, and each new year's eve adds one.
func dates(lines []Line, year int) {
	var last time.Time
	for i := range lines {
		l := &lines[i]
		if !l.Year {
			l.At = inYear(l.At, year)
			if !last.IsZero() && last.Sub(l.At) > 180*24*time.Hour {
				year++
				l.At = inYear(l.At, year)
			}
		}
		last = l.At
	}
}

func inYear(t time.Time, year int) time.Time {
	return time.Date(year, t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}
