package scenarios

import (
	"fmt"
	"strings"
	"time"

	"psyncsim/model"
)

// Quantities as they stand in scenarios and in redis.conf, for flags and for
// other files that people write. An error says what was expected.

// maxAmount bounds sizes that are not checked by what they are for: 1 EiB.
const maxAmount = 1 << 60

// ParseSize reads a size such as 100MB or 64MiB, in bytes.
func ParseSize(s string) (int64, error) { return named(s)(parseSize(s, maxAmount)) }

// ParseConfMemory reads an amount of memory as redis.conf does: 1mb is 1048576
// bytes, 1m a million.
func ParseConfMemory(s string) (int64, error) { return named(s)(parseConfMemory(s, maxAmount)) }

// ParseDuration reads a duration such as 250ms, 5s or 2h, up to MaxDuration.
func ParseDuration(s string) (time.Duration, error) {
	d, err := parseDuration(s)
	_, err = named(s)(0, err)
	return d, err
}

// named puts the text before an error about it.
func named(s string) func(int64, error) (int64, error) {
	return func(n int64, err error) (int64, error) {
		if err != nil {
			return 0, fmt.Errorf("%q: %w", shorten(s), err)
		}
		return n, nil
	}
}

// IsDirective says whether a name stands in some version's redis.conf.
func IsDirective(name string) bool {
	name = strings.ToLower(name)
	for i := range directives {
		if name == directives[i].name || name == directives[i].old {
			return true
		}
	}
	return elsewhere[name] || name == "replicaof" || name == "slaveof" || name == "include"
}

// DirectiveName is what a version's redis.conf calls a directive that is known
// by its newer name.
func DirectiveName(version, name string) string {
	for i := range directives {
		if directives[i].name == name {
			return directives[i].nameIn(rank(lineOf(version)))
		}
	}
	return name
}

// SaysReplica says whether a version's redis.conf says replica where older ones
// say slave.
func SaysReplica(version string) bool { return rank(lineOf(version)) >= v50 }

// lineOf is the version whose directives a version or a variant has.
func lineOf(version string) string {
	if p, ok := model.LookupProfile(version); ok {
		return p.Like()
	}
	return version
}
