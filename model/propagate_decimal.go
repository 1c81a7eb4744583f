package model

import "strings"

// decimalPlaces is how many digits after the point redis prints of the result
// of INCRBYFLOAT (util.c: ld2string, LD_STR_HUMAN, "%.17Lf").
const decimalPlaces = 17

// decimal is a number as digits: a sign, and the digits of whole and fraction
// without zeros that mean nothing. Redis counts in long double, this counts
// exactly: sums of up to about 18 digits are printed alike.
type decimal struct {
	negative bool
	whole    string // no leading zeros; "" is 0
	fraction string // no trailing zeros
}

// parseDecimal reads "-12.5". Exponents, "inf" and hexadecimal digits, which
// redis takes too, are not read here.
func parseDecimal(s string) (decimal, bool) {
	var d decimal
	if s != "" && (s[0] == '-' || s[0] == '+') {
		d.negative = s[0] == '-'
		s = s[1:]
	}
	whole, fraction, _ := strings.Cut(s, ".")
	if whole+fraction == "" || strings.Trim(whole+fraction, "0123456789") != "" {
		return decimal{}, false
	}
	d.whole = strings.TrimLeft(whole, "0")
	d.fraction = strings.TrimRight(fraction, "0")
	if d.whole+d.fraction == "" {
		d.negative = false
	}
	return d, true
}

// notDecimal is the error for text that parseDecimal does not read: redis
// refuses it too, unless it is one of the forms that only strtold knows.
func notDecimal(s string) error {
	word := strings.ToLower(strings.TrimLeft(s, "+-"))
	mantissa, exponent, _ := strings.Cut(word, "e")
	_, okMantissa := parseDecimal(mantissa)
	_, okExponent := parseDecimal(exponent)
	if strings.HasPrefix(word, "inf") || strings.HasPrefix(word, "0x") || okMantissa && okExponent {
		return NotModelled("the number " + s)
	}
	return ErrNotNumber
}

func (d decimal) String() string {
	s := d.whole
	if s == "" {
		s = "0"
	}
	if d.fraction != "" {
		s += "." + d.fraction
	}
	if d.negative {
		s = "-" + s
	}
	return s
}

// aligned gives the digits of both without the point, equally long.
func aligned(a, b decimal) (x, y string, places int) {
	places = max(len(a.fraction), len(b.fraction))
	x = a.whole + a.fraction + strings.Repeat("0", places-len(a.fraction))
	y = b.whole + b.fraction + strings.Repeat("0", places-len(b.fraction))
	n := max(len(x), len(y))
	return strings.Repeat("0", n-len(x)) + x, strings.Repeat("0", n-len(y)) + y, places
}

// compare is below, at or above 0 as d is below, at or above e.
func (d decimal) compare(e decimal) int {
	switch {
	case d.negative && !e.negative:
		return -1
	case e.negative && !d.negative:
		return 1
	}
	x, y, _ := aligned(d, e)
	if d.negative {
		x, y = y, x
	}
	return strings.Compare(x, y)
}

// plus adds and rounds to decimalPlaces, half away from zero.
func (d decimal) plus(e decimal) decimal {
	x, y, places := aligned(d, e)
	negative := d.negative
	var digits string
	switch {
	case d.negative == e.negative:
		digits = addDigits(x, y)
	case x >= y:
		digits = subtractDigits(x, y)
	default:
		digits, negative = subtractDigits(y, x), e.negative
	}
	if cut := places - decimalPlaces; cut > 0 {
		up := digits[len(digits)-cut] >= '5'
		digits, places = digits[:len(digits)-cut], decimalPlaces
		if up {
			digits = addDigits(digits, strings.Repeat("0", len(digits)-1)+"1")
		}
	}
	point := len(digits) - places
	sum, _ := parseDecimal(digits[:point] + "." + digits[point:])
	sum.negative = negative && sum.whole+sum.fraction != ""
	return sum
}

// addDigits adds two equally long numbers; the sum has one digit more.
func addDigits(x, y string) string {
	sum := make([]byte, len(x)+1)
	carry := byte(0)
	for i := len(x) - 1; i >= 0; i-- {
		v := x[i] - '0' + y[i] - '0' + carry
		sum[i+1], carry = '0'+v%10, v/10
	}
	sum[0] = '0' + carry
	return string(sum)
}

// subtractDigits takes y from x, both equally long, x not below y. It gives a
// leading zero, as long as a sum.
func subtractDigits(x, y string) string {
	rest := make([]byte, len(x)+1)
	rest[0] = '0'
	borrow := byte(0)
	for i := len(x) - 1; i >= 0; i-- {
		v := 10 + x[i] - y[i] - borrow
		rest[i+1], borrow = '0'+v%10, 1-v/10
	}
	return string(rest)
}
