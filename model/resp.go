package model

import (
	"errors"
	"strconv"
)

// The limits of redis's request parser (server.h, networking.c of 6.2).
const (
	// MaxLine is PROTO_INLINE_MAX_SIZE: an inline command, or the line of a
	// count, has at most so many bytes in front of its line end.
	MaxLine = 64 << 10
	// MaxArgs is the most arguments one array command may announce. (From 7.0
	// on redis takes INT_MAX; a replication stream comes near neither.)
	MaxArgs = 1 << 20
	// MaxBulk is the default of proto-max-bulk-len: bytes of one argument.
	MaxBulk = 512 << 20
)

// ProtocolError is input that redis refuses; its text is what redis puts
// behind "-ERR " before it closes the connection.
type ProtocolError string

func (e ProtocolError) Error() string { return string(e) }

// What redis refuses, in its own words (networking.c: processInlineBuffer,
// processMultibulkBuffer). A wrong byte in the place of a '$' has no constant:
// see expectedDollar.
const (
	ErrInlineTooBig ProtocolError = "Protocol error: too big inline request"
	ErrQuotes       ProtocolError = "Protocol error: unbalanced quotes in request"
	ErrArgsTooBig   ProtocolError = "Protocol error: too big mbulk count string"
	ErrArgs         ProtocolError = "Protocol error: invalid multibulk length"
	ErrBulkTooBig   ProtocolError = "Protocol error: too big bulk count string"
	ErrBulk         ProtocolError = "Protocol error: invalid bulk length"
)

// expectedDollar is the error for an argument that begins with c. Line ends
// become spaces, as in addReplyErrorFormat: the text goes out as one line.
func expectedDollar(c byte) ProtocolError {
	if c == '\r' || c == '\n' {
		c = ' '
	}
	return ProtocolError("Protocol error: expected '$', got '" + string([]byte{c}) + "'")
}

// CommandLen is the length in bytes of a RESP array command whose arguments,
// its name included, have the given lengths (each >= 0):
// 3 + d(n) + sum of 5 + d(L) + L, d being the number of decimal digits.
func CommandLen(argLens ...int) int64 {
	n := 3 + digits(int64(len(argLens)))
	for _, l := range argLens {
		n += 5 + digits(int64(l)) + int64(l)
	}
	return n
}

func digits(v int64) int64 {
	n := int64(1)
	for ; v > 9; v /= 10 {
		n++
	}
	return n
}

// AppendCommand appends a command as a RESP array: how masters write their
// stream, and redis >= 5.0 its handshake.
func AppendCommand(dst []byte, args ...string) []byte {
	dst = append(dst, '*')
	dst = strconv.AppendInt(dst, int64(len(args)), 10)
	dst = append(dst, '\r', '\n')
	for _, a := range args {
		dst = append(dst, '$')
		dst = strconv.AppendInt(dst, int64(len(a)), 10)
		dst = append(dst, '\r', '\n')
		dst = append(dst, a...)
		dst = append(dst, '\r', '\n')
	}
	return dst
}

// AppendInline appends words joined by single spaces and CRLF: the handshake
// of redis <= 4.0. Words are not quoted (replication.c:
// sendSynchronousCommand), so none may contain blanks.
func AppendInline(dst []byte, words ...string) []byte {
	for i, w := range words {
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = append(dst, w...)
	}
	return append(dst, '\r', '\n')
}

// ParseInt reads a number as redis's string2ll (util.c) does: an optional
// minus, then digits, and nothing else. Refused are the empty text, a plus
// sign, leading zeros, "-0", and what does not fit 64 bits.
func ParseInt(b []byte) (int64, bool) {
	if len(b) == 1 && b[0] == '0' {
		return 0, true
	}
	neg := len(b) > 0 && b[0] == '-'
	if neg {
		b = b[1:]
	}
	// 19 digits are below 1e19 and fit 64 bits without a sign.
	if len(b) == 0 || len(b) > 19 || b[0] == '0' {
		return 0, false
	}
	var v uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = v*10 + uint64(c-'0')
	}
	const least = 1 << 63 // the magnitude of the smallest int64
	switch {
	case neg && v <= least:
		return -int64(v), true
	case !neg && v < least:
		return int64(v), true
	}
	return 0, false
}

// parseArgs reads the line "*N" without its line end: how many arguments
// follow. N <= 0 is an empty command.
func parseArgs(line []byte) (int64, error) {
	n, ok := ParseInt(line[1:])
	if !ok || n > MaxArgs {
		return 0, ErrArgs
	}
	return n, nil
}

// parseBulk reads the line "$N" without its line end: the length in bytes of
// one argument.
func parseBulk(line []byte) (int64, error) {
	if len(line) == 0 { // the line end stands where the '$' should
		return 0, expectedDollar('\r')
	}
	if line[0] != '$' {
		return 0, expectedDollar(line[0])
	}
	n, ok := ParseInt(line[1:])
	if !ok || n < 0 || n > MaxBulk {
		return 0, ErrBulk
	}
	return n, nil
}

var errReplyTooLong = errors.New("reply line has no end within " + strconv.Itoa(MaxLine) + " bytes")

// LineReader reads the replies of a handshake on the replica's side, one line
// at a time, and leaves alone what follows them. The zero value is ready.
// Redis reads them byte by byte for the same reason (syncio.c: syncReadLine).
type LineReader struct {
	buf  []byte
	at   int // first byte of the line to come
	seen int // bytes of it known to hold no LF
}

// Reset forgets everything, for another connection.
func (r *LineReader) Reset() { *r = LineReader{buf: r.buf[:0]} }

// Feed adds bytes in stream order; data is copied.
func (r *LineReader) Feed(data []byte) {
	if r.at == len(r.buf) {
		r.buf, r.at = r.buf[:0], 0
	}
	r.buf = append(r.buf, data...)
}

// Line gives the next whole line without its LF or CRLF, and wire, its length
// in bytes with them. ok is false when more bytes are needed. An empty line is
// a line: masters send LF to keep a waiting replica patient. The line is valid
// until the next call. It is an error when more than MaxLine bytes hold no LF.
func (r *LineReader) Line() (line []byte, wire int, ok bool, err error) {
	rest := r.buf[r.at:]
	for i := r.seen; i < len(rest) && i <= MaxLine; i++ {
		if rest[i] != '\n' {
			continue
		}
		r.at += i + 1
		r.seen = 0
		line = rest[:i]
		if i > 0 && line[i-1] == '\r' {
			line = line[:i-1]
		}
		return line, i + 1, true, nil
	}
	if len(rest) > MaxLine {
		return nil, 0, false, errReplyTooLong
	}
	r.seen = len(rest)
	return nil, 0, false, nil
}

// Rest gives the bytes that are no line yet and forgets them: what follows the
// last reply is snapshot or stream. The caller may keep them.
func (r *LineReader) Rest() []byte {
	if r.at == len(r.buf) {
		r.Reset()
		return nil
	}
	rest := r.buf[r.at:]
	*r = LineReader{}
	return rest
}
