package model

import "bytes"

// StreamScanner follows a replication stream only to find where its commands
// end: an offset may be processed no further than there (networking.c:
// commandProcessed). It takes the same input for commands as CommandReader,
// with the same limits, but keeps no byte of it: memory is constant, and the
// payload of an argument costs nothing. What stands between MULTI and EXEC ends
// with the EXEC. The zero value is ready.
type StreamScanner struct {
	state  scanState
	quote  quoteState
	hidden bool  // a NUL stood in this line: its end is never found
	word   bool  // the inline line has a word
	n      int   // bytes of this line so far
	left   int64 // arguments still missing; 0 while the count itself is read
	skip   int64 // bytes of the argument still to come, its line end included
	err    error
	head   [24]byte // the first bytes of a count's line; a number has at most 20

	// Asks are the places in the data of the last Scan behind which a REPLCONF GETACK
	// ended.
	Asks []int
	ask  int // how many of the words of a REPLCONF GETACK have come in their place

	alone bool     // the command under way has no argument but its name
	multi bool     // MULTI has begun a transaction
	named int      // bytes in name
	name  [11]byte // the first bytes of such a command's name and what ends its line

	last pattern // of the command that was read last; no part of what was scanned
}

type scanState uint8

const (
	scanIdle    scanState = iota // between commands
	scanCount                    // in a line "*N" or "$N"
	scanCountLF                  // behind its CR
	scanBulk                     // in an argument
	scanInline                   // in an inline command
)

// Reset makes the scanner ready for another stream.
func (s *StreamScanner) Reset() { *s = StreamScanner{Asks: s.Asks[:0], last: s.last} }

// Scan looks at the next bytes of the stream. commands is how many commands
// end in data, and bound the index in data behind the last of them that is not
// in a transaction, 0 if there is none. Empty lines and empty arrays are no commands and leave bound where
// it is, as they leave redis's offset. An error is a ProtocolError and stays;
// commands and bound then tell what was whole before it.
func (s *StreamScanner) Scan(data []byte) (commands int64, bound int, err error) {
	s.Asks = s.Asks[:0]
	for at := 0; at < len(data) && s.err == nil; {
		switch s.state {
		case scanIdle:
			if n, end := s.alike(data[at:]); n > 0 {
				commands += n
				if at += end; !s.multi {
					bound = at
				}
				continue
			}
			s.begin(data[at])
		case scanCount:
			at += s.countLine(data[at:])
		case scanCountLF:
			at++
			s.err = s.counted()
		case scanBulk:
			n := min(s.skip, int64(len(data)-at))
			if s.alone || s.ask > 0 {
				s.named += copy(s.name[s.named:], data[at:at+int(n)])
			}
			at += int(n)
			s.skip -= n
			if s.skip > 0 {
				continue
			}
			s.left--
			if s.ask > 0 {
				s.asked()
			}
			if s.left > 0 {
				s.line(scanCount)
				continue
			}
			s.state = scanIdle
			commands++
			if s.alone {
				s.transaction()
			}
			if s.ask == 3 {
				s.Asks = append(s.Asks, at)
			}
			if !s.multi {
				bound = at
			}
		case scanInline:
			at += s.inline(data[at:])
			if s.state == scanIdle && s.word && s.err == nil {
				commands++
				if !s.multi {
					bound = at
				}
			}
		}
	}
	return commands, bound, s.err
}

// asked looks whether the argument that has ended is the one that a GETACK has in
// its place; its value is free.
func (s *StreamScanner) asked() {
	word := s.name[:max(min(s.named, len(s.name))-2, 0)]
	s.named = 0
	switch {
	case s.left == 0 && s.ask == 3, s.ask == 1 && s.left == 2 && bytes.EqualFold(word, wordReplconf), s.ask == 2 && s.left == 1 && bytes.EqualFold(word, wordGetack):
		s.ask = min(s.ask+1, 3)
	default:
		s.ask = 0
	}
}

var wordReplconf, wordGetack = []byte("REPLCONF"), []byte("GETACK")

// transaction looks whether a command of one word begins or ends one. A master
// writes these words as arrays.
func (s *StreamScanner) transaction() {
	switch name := s.name[:max(s.named-2, 0)]; len(name) {
	case 4:
		s.multi = s.multi && !bytes.EqualFold(name, wordExec)
	case 5:
		s.multi = s.multi || bytes.EqualFold(name, wordMulti)
	case 7:
		s.multi = s.multi && !bytes.EqualFold(name, wordDiscard)
	}
}

var wordMulti, wordExec, wordDiscard = []byte("MULTI"), []byte("EXEC"), []byte("DISCARD")

// begin looks at, but does not take, the first byte of a command.
func (s *StreamScanner) begin(c byte) {
	if c == '*' {
		s.line(scanCount)
		return
	}
	s.line(scanInline)
	s.quote, s.word = blank, false
}

// line begins a line.
func (s *StreamScanner) line(state scanState) {
	s.state, s.n, s.hidden = state, 0, false
}

// countLine takes bytes up to and with the CR of a count's line. Counters are
// held in locals because this loop is most of what a scan costs.
func (s *StreamScanner) countLine(data []byte) int {
	n, hidden := s.n, s.hidden
	for i, c := range data {
		if c == '\r' && !hidden {
			s.n = n
			s.state = scanCountLF
			return i + 1
		}
		if n < len(s.head) {
			s.head[n] = c
		}
		n++
		hidden = hidden || c == 0
		if n > MaxLine {
			s.err = ErrBulkTooBig
			if s.left == 0 {
				s.err = ErrArgsTooBig
			}
			return i + 1
		}
	}
	s.n, s.hidden = n, hidden
	return len(data)
}

// counted acts on a count's line. A line that did not fit head is no number,
// and what head holds of it is none either: too long.
func (s *StreamScanner) counted() (err error) {
	line := s.head[:min(s.n, len(s.head))]
	if s.left == 0 {
		if s.left, err = parseArgs(line); s.left > 0 {
			s.alone, s.named, s.ask = s.left == 1, 0, 0
			if s.left == 3 {
				s.ask = 1
			}
			s.line(scanCount)
			return nil
		}
		s.left, s.state = 0, scanIdle
		return err
	}
	s.skip, err = parseBulk(line)
	s.skip += 2
	s.state = scanBulk
	return err
}

// quoteState is where in sdssplitargs a byte of an inline command stands.
type quoteState uint8

const (
	blank        quoteState = iota // between words
	bare                           // in a word
	closed                         // behind a closing quote: a blank must follow
	double                         // in double quotes
	doubleEscape                   // behind their backslash
	single                         // in single quotes
	singleEscape                   // behind a backslash that may stand before a quote
	broken                         // a closing quote was followed by something else
)

// inline takes bytes up to and with the LF of an inline command.
func (s *StreamScanner) inline(data []byte) int {
	for i, c := range data {
		if c == '\n' && !s.hidden {
			if s.quote >= double {
				s.err = ErrQuotes
			}
			s.state = scanIdle
			return i + 1
		}
		s.n++
		s.hidden = s.hidden || c == 0
		if s.n > MaxLine {
			s.err = ErrInlineTooBig
			return i + 1
		}
		s.quote = s.quote.after(c)
		s.word = s.word || s.quote != blank
	}
	return len(data)
}

// after is the state behind one more byte. An escape that means a byte by its
// hexadecimal digits needs no state: digits never end anything.
func (q quoteState) after(c byte) quoteState {
	switch q {
	case blank, bare:
		switch {
		case c == '"':
			return double
		case c == '\'':
			return single
		case q == blank && isSpace(c) || endsWord(c):
			return blank
		}
		return bare
	case closed:
		if isSpace(c) {
			return blank
		}
		return broken
	case double:
		switch c {
		case '"':
			return closed
		case '\\':
			return doubleEscape
		}
	case doubleEscape:
		return double
	case single, singleEscape:
		switch {
		case c == '\\':
			return singleEscape
		case c == '\'' && q == single:
			return closed
		}
		return single
	}
	return q
}
