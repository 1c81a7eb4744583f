package risk

import (
	"fmt"
	"strings"
)

// Explain says what the rule misses: of the outages that 2 × seconds × rate does
// not cover, which of their terms are larger than the rule has it.
func (r *Rule) Explain(all []Outage) {
	var n, long, burst, detection, reconnect, lag float64
	rate := float64(r.Rate)
	noticed := int64(0)
	for i := range all {
		o := &all[i]
		if o.Need <= r.Twice.Bytes || o.Need == Hopeless {
			continue
		}
		n++
		lasted := float64(o.Lasted) / 1e9
		long += float64(max(lasted-r.Seconds, 0) * rate) // not fused with the sum: the same on every processor
		burst += max(float64(o.During)-float64(lasted*rate), 0)
		detection += float64(o.Detection)
		reconnect += float64(o.Reconnect)
		lag += float64(o.Lag)
		noticed = max(noticed, o.Noticed)
	}
	sum := long + burst + detection + reconnect + lag
	if n == 0 || sum == 0 {
		r.Text = ""
		return
	}
	var why []string
	for _, x := range []struct {
		share float64
		text  string
	}{
		{long, "outages longer than the mean"},
		{burst, "bursts"},
		{detection, fmt.Sprintf("the %s that it takes to notice a silent cut", Seconds(noticed))},
		{reconnect, "what is written until the replica has reconnected"},
		{lag, "what was under way when the link was cut"},
	} {
		if x.share > sum/5 {
			why = append(why, x.text)
		}
	}
	r.Text = "it misses " + listed(why)
}

func listed(words []string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}
