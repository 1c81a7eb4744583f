package risk

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Size is an amount of bytes for people, in powers of ten: 6.1 MB.
func Size(n int64) string {
	f, unit := float64(n), "B"
	for _, u := range []string{"kB", "MB", "GB", "TB"} {
		if f < 999.5 {
			break
		}
		f, unit = f/1000, u
	}
	if unit == "B" {
		return fmt.Sprintf("%d B", n)
	}
	if f < 9.95 {
		return fmt.Sprintf("%.1f %s", f, unit)
	}
	return fmt.Sprintf("%.0f %s", f, unit)
}

// Seconds is a duration of nanoseconds for people: 24.0 s.
func Seconds(ns int64) string {
	switch s := float64(ns) / 1e9; {
	case s < 0.0995:
		return fmt.Sprintf("%.0f ms", 1000*s)
	case s < 99.95:
		return fmt.Sprintf("%.1f s", s)
	case s < 7200:
		return fmt.Sprintf("%.0f s", s)
	default:
		return fmt.Sprintf("%.1f h", s/3600)
	}
}

// Percent is a share for people, never rounded to all or nothing when it is
// not.
func Percent(share float64) string { return percent(share, digits(share)) }

// digits is how many a share needs behind the point so as not to be rounded to
// all.
func digits(share float64) int {
	n := 1
	for p := 1 - share; p > 0 && p < 0.0015 && n < 6; n++ {
		p *= 10
	}
	return n
}

func percent(share float64, digits int) string {
	return strconv.FormatFloat(100*share, 'f', digits, 64)
}

// interval is the ends of an interval, in the same number of digits: as many as
// its upper end needs, unless that is all.
func (p *Point) interval() string {
	n := max(digits(p.Lo), digits(p.Share))
	if p.Hi < 1 {
		n = max(n, digits(p.Hi))
	}
	return percent(p.Lo, n) + "–" + percent(p.Hi, n)
}

func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// rate is a mean rate for people.
func rate(n int64) string { return Size(n) + "/s" }

// Write prints the answer for people.
func (a *Answer) Write(w io.Writer) error {
	var rows [][3]string
	row := func(name, value, text string) { rows = append(rows, [3]string{name, value, text}) }
	a.recommended(row)
	a.limitRows(row)
	if r := a.Rule; r != nil {
		covers := fmt.Sprintf("2 × %s × %s = %s covers %s %%", Seconds(int64(r.Seconds*1e9)), rate(r.Rate), Size(r.Twice.Bytes), Percent(r.Twice.Share))
		if r.Text != "" {
			covers += ": " + r.Text
		}
		row("Rule of thumb", covers, "")
	}
	a.memoryRow(row)
	for i, line := range a.Conf {
		row([...]string{"redis.conf", ""}[min(i, 1)], line, "")
	}
	a.whyRows(row)
	if f := a.FullSync; f != nil {
		row("Full sync", f.Text, "")
	}
	if a.Logs != nil {
		a.Logs.rows(row, a.Question.Rate)
	}
	if err := writeRows(w, rows); err != nil {
		return err
	}
	for _, list := range []struct {
		name  string
		lines []string
	}{{"Traps", a.Traps}, {"Assumed", a.Assumed}} {
		if len(list.lines) > 0 {
			fmt.Fprintf(w, "\n%s\n", list.name)
		}
		for _, l := range list.lines {
			fmt.Fprintf(w, "  - %s\n", l)
		}
	}
	return nil
}

// writeRows writes names, values and texts in columns. A value without a text
// may be as long as it likes.
func writeRows(w io.Writer, rows [][3]string) error {
	width := 0
	for _, r := range rows {
		if r[2] != "" {
			width = max(width, utf8.RuneCountInString(r[1]))
		}
	}
	for _, r := range rows {
		line := fmt.Sprintf("%-15s%s", r[0], r[1])
		if r[2] != "" {
			line = fmt.Sprintf("%-15s%-*s  %s", r[0], width, r[1], r[2])
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

// samples is what the target counts, in words.
func (a *Answer) samples() string { return a.Question.Per + "s" }

func (a *Answer) recommended(row func(name, value, text string)) {
	q := &a.Question
	if a.Recommended == nil {
		row("Recommended", "no size of the backlog", fmt.Sprintf("reaches %s %% of %s", Percent(q.Target), a.samples()))
		return
	}
	p := a.Recommended
	verb := ""
	if a.Verdict == "keep" {
		verb = " (as it is: do not change this setting)"
	}
	of := fmt.Sprintf("%s outages", thousands(p.Of))
	if a.Simulated > p.Of {
		of += fmt.Sprintf(" of %s", thousands(a.Simulated))
	}
	if q.Per == "month" {
		of = fmt.Sprintf("%s months of %.3g outages", thousands(p.Of), a.PerSample)
	}
	row("Recommended", "repl-backlog-size "+ConfSize(p.Bytes), fmt.Sprintf("no full resync in %s %% of %s (%g %% CI %s, %s)%s",
		Percent(p.Share), a.samples(), 100*q.Confidence, p.interval(), of, verb))
	switch {
	case a.Confirmed:
	case a.OnCurve != nil && p.Hi < a.OnCurve.Lo:
		row("", "", fmt.Sprintf("NOT confirmed: the gaps alone promised %s %%", Percent(a.OnCurve.Share)))
	default:
		row("", "", fmt.Sprintf("that is NOT the %s %% that were asked for: see the binding limit and the traps", Percent(q.Target)))
	}
	if a.Alone != nil {
		row("", "that line alone", fmt.Sprintf("%s %%: see the binding limit", Percent(a.Alone.Share)))
	}
	if s := a.Again; s != nil {
		row("", "on the curve", fmt.Sprintf("%s %% of %s outages (%s); of the %s played with that size as itself %s came to something else, so at most %s %% of all do",
			Percent(a.OnCurve.Share), thousands(a.Simulated), a.OnCurve.interval(), thousands(s.Of), thousands(s.Differ), strconv.FormatFloat(100*s.Most, 'g', 2, 64)))
	}
	if now := a.Current; now != nil && now.Bytes != p.Bytes {
		row("", "now "+ConfSize(now.Bytes), fmt.Sprintf("%s %%", Percent(now.Share)))
	}
	if a.Bridged > 0 {
		row("", "no resync at all", fmt.Sprintf("%s %% of outages: TCP bridged them", Percent(float64(a.Bridged)/float64(a.Simulated))))
	}
	for _, k := range a.Kinds {
		need := "no size helps"
		if k.Bytes != Hopeless {
			need = "need " + Size(k.Bytes)
		}
		row("", k.Name+" outages", need)
	}
}

func (a *Answer) limitRows(row func(name, value, text string)) {
	name := "Binding limit"
	for _, l := range a.Limits {
		if l.Binds {
			row(name, l.Name, l.Text)
			name = ""
		}
	}
	if name != "" && a.Recommended != nil {
		row(name, "repl-backlog-size", "nothing else makes a resync full that this size would have saved")
	}
}

func (a *Answer) memoryRow(row func(name, value, text string)) {
	m := &a.Memory
	if m.Backlog == 0 {
		return
	}
	sign, n := "+", m.More
	if n < 0 {
		sign, n = "−", -n
	}
	text := fmt.Sprintf("%s%s on the master", sign, Size(n))
	if m.OnReplicas {
		text += " and on each replica"
	}
	text += "; counts towards maxmemory"
	if m.Max > 0 {
		text += fmt.Sprintf(" (%s are %s %% of %s)", Size(m.Backlog), Percent(m.Share), ConfSize(m.Max))
	}
	row("Memory", text, "")
}

func (a *Answer) whyRows(row func(name, value, text string)) {
	o := a.Worst
	if o == nil {
		return
	}
	var terms []string
	for _, t := range []struct {
		n    int64
		text string
	}{{o.Lag, "under way when it was cut"}, {o.During, "while it lasted"}, {o.Detection, "until it was noticed"}, {o.Reconnect, "until it was back"}} {
		if t.n*100 >= o.Need {
			terms = append(terms, Size(t.n)+" "+t.text)
		}
	}
	row("Why", fmt.Sprintf("the worst outage: %s %s, %s from its beginning to the PSYNC: %s (%s)", Seconds(o.Lasted), o.Kind, Seconds(o.Away), Size(o.Need), strings.Join(terms, ", ")), "")
	if a.Replay != "" {
		row("", "replay: "+a.Replay, "")
	}
}

// rows are what the logs say, and what their replay says.
func (l *Logs) rows(row func(name, value, text string), mean int64) {
	name := "Logs"
	say := func(text string) { row(name, text, ""); name = "" }
	for _, r := range []*Replayed{&l.Now, &l.Then} {
		if r.Bytes == 0 {
			continue
		}
		left := ""
		if r.Left > 0 {
			left = fmt.Sprintf(" (%d more are left out: what was written then is not known, or another server was the master)", r.Left)
		}
		say(fmt.Sprintf("played again with %s: %d of %d reconnects full%s", ConfSize(r.Bytes), r.Full, r.Reconnects, left))
	}
	for _, o := range l.Seen {
		if o.Gap > o.Rule {
			say(fmt.Sprintf("at %s the rule would have failed: 2 × %s × %s = %s, and %s were missing: %s too little", o.Judged, Seconds(int64(o.Down*1e9)), rate(mean), Size(o.Rule), Size(o.Gap), Size(o.Gap-o.Rule)))
		}
	}
}
