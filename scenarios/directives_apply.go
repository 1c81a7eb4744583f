package scenarios

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	yaml "go.yaml.in/yaml/v4"

	"psyncsim/model"
)

// What a directive does to the settings of a version, and how its value is written.

// setting is a directive's value as given, and where.
type setting struct {
	dir  *directive
	args []string
	node *yaml.Node // where, in the scenario
	note notation   // how its number is written
}

// applyDirective reads a value into the settings. file is true for values of
// a configuration (raised to the least a file gives), false for CONFIG SET.
// What is wrong is returned as text, a remark in note.
func applyDirective(p *model.Profile, s *model.Settings, r *directive, args []string, file bool) (v int64, n notation, msg, note string) {
	value := strings.Join(args, " ")
	fail := func(format string, a ...any) (int64, notation, string, string) {
		return 0, asText, fmt.Sprintf(format, a...), ""
	}
	if r.class == limits {
		if msg := applyLimits(p, s, args); msg != "" {
			return fail("%s", msg)
		}
		return 0, asText, "", ""
	}
	if r.class == policies {
		policy, known := p.PolicyOf(value)
		if !known {
			return fail("%s has no such policy; it is noeviction, or one of allkeys-lru, allkeys-random, volatile-lru, volatile-random, volatile-ttl and, from redis 4.0 on, allkeys-lfu, volatile-lfu", p.Name)
		}
		s.MaxMemoryPolicy = policy
		return 0, asText, "", ""
	}
	if r.class == saves {
		if msg := applySaves(s, args); msg != "" {
			return fail("%s", msg)
		}
		return 0, asText, "", ""
	}
	if len(args) != 1 {
		return fail("expected one value")
	}
	switch r.class {
	case memory:
		if !file && r.name == "repl-backlog-size" && rank(p.Like()) <= v28 && strings.Trim(value, "0123456789") != "" && value != "" {
			return fail("CONFIG SET of %s takes plain bytes, without a unit", p.Name)
		}
		b, err := parseConfMemory(value, r.most)
		if err != nil {
			return fail("%v", err)
		}
		if b < r.least {
			return fail("redis refuses it; it must be %d or more", r.least)
		}
		v, n = b, asConfMemory
	case seconds:
		c, err := parseCount(value, r.least, r.most)
		if err != nil {
			return fail("%v; redis.conf has whole seconds here, without a unit", err)
		}
		v, n = c*int64(time.Second), asConfSeconds
	case number:
		c, err := parseCount(value, r.least, r.most)
		if err != nil {
			return fail("%v", err)
		}
		v, n = c, asCount
	case words:
		if r.choices == nil {
			break
		}
		i := slices.Index(r.choices, strings.ToLower(value))
		if i < 0 {
			return fail("expected one of %s", strings.Join(r.choices, ", "))
		}
		v = int64(i)
	case yesNo:
		switch strings.ToLower(value) {
		case "yes":
			v = 1
		case "no":
		default:
			return fail("expected yes or no")
		}
	}
	if r.name == "repl-backlog-size" {
		least := p.BacklogMinConfig
		if !file {
			least = model.MinBacklog
		}
		if v < least {
			note = fmt.Sprintf("%s raises repl-backlog-size %s to %d", p.Name, value, least)
			v = least
		}
	}
	switch r.effect {
	case modelled:
		if r.text != nil {
			*r.text(s) = value
		} else {
			r.set(s, v)
		}
	case onlyDefault:
		ok := strings.EqualFold(value, r.fallback)
		switch {
		case r.class == number || r.class == memory:
			d, _ := strconv.ParseInt(r.fallback, 10, 64)
			ok = v == d
			if r.name == "tcp-keepalive" {
				ok = v == 0 || v >= d
			}
		}
		if !ok {
			return fail("not modelled yet; only %s is possible (%s)", r.fallback, r.why)
		}
	case noted:
		note = r.name + ": " + r.why
	}
	return v, n, "", note
}

// Directive applies one directive of redis.conf to settings: as a configuration
// file does it, or else as CONFIG SET. The error says why it cannot be simulated.
func Directive(p *model.Profile, s *model.Settings, name, value string, file bool) error {
	r, msg := findDirective(p.Name, name)
	if msg == "" && r != nil {
		_, _, msg, _ = applyDirective(p, s, r, strings.Fields(value), file)
	}
	if msg != "" {
		return fmt.Errorf("%s %s: %s", name, value, msg)
	}
	return nil
}

// applyLimits reads the groups "class hard soft seconds" of
// client-output-buffer-limit; only those of replicas matter.
func applyLimits(p *model.Profile, s *model.Settings, args []string) string {
	const want = "expected class hard soft seconds, such as replica 256mb 64mb 60"
	if len(args) == 0 || len(args)%4 != 0 {
		return want
	}
	for i := 0; i < len(args); i += 4 {
		hard, err1 := parseConfMemory(args[i+1], maxSize)
		soft, err2 := parseConfMemory(args[i+2], maxSize)
		secs, err3 := parseCount(args[i+3], 0, maxInt32)
		for _, err := range []error{err1, err2, err3} {
			if err != nil {
				return fmt.Sprintf("%v; %s", err, want)
			}
		}
		switch c := strings.ToLower(args[i]); {
		case c == "normal" || c == "pubsub":
		case c == "replica" && rank(p.Like()) < v50:
			return p.Name + " calls the class slave"
		case c == "slave" || c == "replica":
			s.HardLimit, s.SoftLimit, s.SoftSeconds = hard, soft, time.Duration(secs)*time.Second
		default:
			return fmt.Sprintf("unknown class %s; expected normal, replica or pubsub", shorten(args[i]))
		}
	}
	return ""
}

// applySaves reads save points, "seconds changes" again and again; "" is none.
// What was there before is gone.
func applySaves(s *model.Settings, args []string) string {
	const want = `expected seconds and changes, such as 3600 1 300 100, or "" for none`
	words := strings.Fields(strings.Join(args, " "))
	if len(words)%2 != 0 {
		return want
	}
	if len(words)/2 > model.MaxSavePoints {
		return fmt.Sprintf("%d save points; at most %d", len(words)/2, model.MaxSavePoints)
	}
	var list model.SavePoints
	for i := 0; i < len(words); i += 2 {
		secs, err1 := parseCount(words[i], 1, maxInt32)
		changes, err2 := parseCount(words[i+1], 1, maxInt32)
		for _, err := range []error{err1, err2} {
			if err != nil {
				return fmt.Sprintf("%v; %s", err, want)
			}
		}
		list[i/2] = model.SavePoint{Seconds: secs, Changes: changes}
	}
	s.SavePoints = list
	return ""
}

// savesText writes save points as redis.conf does.
func savesText(list *model.SavePoints) string {
	var words []string
	for _, p := range list {
		if p.Changes > 0 {
			words = append(words, strconv.FormatInt(p.Seconds, 10), strconv.FormatInt(p.Changes, 10))
		}
	}
	return strings.Join(words, " ")
}

// defaultText is what redis.conf would say for the present value, or "".
func defaultText(p *model.Profile, r *directive, s *model.Settings) string {
	switch {
	case r.class == limits:
		class := "replica"
		if rank(p.Like()) < v50 {
			class = "slave"
		}
		return fmt.Sprintf("%s %s %s %d", class, confMemoryText(s.HardLimit), confMemoryText(s.SoftLimit), int64(s.SoftSeconds/time.Second))
	case r.class == policies:
		return s.MaxMemoryPolicy.String()
	case r.class == saves:
		if text := savesText(&s.SavePoints); text != "" {
			return text
		}
		return `""`
	case r.effect != modelled || r.text != nil:
		return ""
	case r.choices != nil:
		return r.choices[r.get(s)]
	case r.class == yesNo:
		if r.get(s) != 0 {
			return "yes"
		}
		return "no"
	case r.class == seconds:
		return asConfSeconds.format(r.get(s))
	}
	return confMemoryText(r.get(s))
}

// confMemoryText writes an amount as people do in redis.conf.
func confMemoryText(v int64) string {
	switch {
	case v > 0 && v%(1<<30) == 0:
		return strconv.FormatInt(v>>30, 10) + "gb"
	case v > 0 && v%(1<<20) == 0:
		return strconv.FormatInt(v>>20, 10) + "mb"
	case v > 0 && v%(1<<10) == 0:
		return strconv.FormatInt(v>>10, 10) + "kb"
	}
	return strconv.FormatInt(v, 10)
}
