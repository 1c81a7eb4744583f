package scenarios

import (
	"strconv"
	"strings"
)

// A line of redis.conf.

// confLine splits a line of redis.conf into words as sdssplitargs does: words
// between blanks, or in quotes. ok is false for an open quote.
func confLine(s string) (args []string, ok bool) {
	for {
		s = strings.TrimLeft(s, " \t\r\n\v\f\x00")
		if s == "" {
			return args, true
		}
		var b strings.Builder
		quote := byte(0)
		i := 0
	word:
		for ; i < len(s); i++ {
			c := s[i]
			switch {
			case quote == '"' && c == '\\' && i+3 < len(s) && s[i+1] == 'x' && isHex(s[i+2]) && isHex(s[i+3]):
				v, _ := strconv.ParseUint(s[i+2:i+4], 16, 8)
				b.WriteByte(byte(v))
				i += 3
			case quote == '"' && c == '\\' && i+1 < len(s):
				i++
				b.WriteByte(unescape(s[i]))
			case quote == '\'' && c == '\\' && i+1 < len(s) && s[i+1] == '\'':
				i++
				b.WriteByte('\'')
			case quote != 0 && c == quote:
				quote = 0
				if i+1 < len(s) && !strings.ContainsRune(" \t\r\n", rune(s[i+1])) {
					return nil, false
				}
			case quote != 0:
				b.WriteByte(c)
			case c == '"' || c == '\'':
				quote = c
			case strings.ContainsRune(" \t\r\n", rune(c)):
				break word
			default:
				b.WriteByte(c)
			}
		}
		if quote != 0 {
			return nil, false
		}
		args = append(args, b.String())
		s = s[i:]
	}
}

func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'b':
		return '\b'
	case 'a':
		return '\a'
	}
	return c
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}
