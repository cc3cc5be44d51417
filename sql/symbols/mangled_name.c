/* SPDX-License-Identifier: Apache-2.0
 *
 * mangled_name.c - see mangled_name.h. The grammar is that of the Itanium C++ ABI
 * (https://itanium-cxx-abi.github.io/cxx-abi/abi.html#mangling), of which names are read, and template arguments are
 * skipped. Whatever is not understood ends the name, which then is its beginning.
 */
#include "mangled_name.h"

#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 64
#define DIGITS "0123456789"
#define LOWER "abcdefghijklmnopqrstuvwxyz"

/* What comes next, and where names go. */
struct reading {
	const char *at;
	char *out;
	size_t bytes, used;
};

static bool is_one_of(char c, const char *characters)
{
	return c && strchr(characters, c);
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* ---- What is skipped ---- */

static const char *skip_until_end(const char *at, bool expression, unsigned depth);

/* A length and a name of it. NULL: it is longer than the symbol. */
static const char *skip_source_name(const char *at)
{
	size_t length = 0;

	for (; is_one_of(*at, DIGITS) && length < 100000; at++)
		length = length * 10 + (size_t)(*at - '0');
	return strnlen(at, length) == length ? at + length : NULL;
}

/* Digits or capitals up to an underscore: the number of a substitution or a parameter. */
static const char *skip_number(const char *at)
{
	at += strspn(at, DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
	return *at == '_' ? at + 1 : NULL;
}

/* Behind the S: an abbreviation of the standard library's, or what stood there before. */
static const char *skip_substitution(const char *at)
{
	return is_one_of(*at, LOWER) ? at + 1 : skip_number(at);
}

/* Behind the L: a type, a value, and E; or a symbol. */
static const char *skip_literal(const char *at, unsigned depth)
{
	if (begins(at, "_Z"))
		return skip_until_end(at + 2, false, depth);
	if (*at == 'N')
		at = skip_until_end(at + 1, false, depth);
	else if (*at == 'S')
		at = skip_substitution(at + 1);
	else if (*at == 'T')
		at = skip_number(at + 1);
	else if (is_one_of(*at, DIGITS))
		at = skip_source_name(at);
	else if (*at)
		at++;
	if (!at)
		return NULL;
	at += strspn(at, DIGITS "abcdefn");
	return *at == 'E' ? at + 1 : NULL;
}

/* Behind the U: a lambda, a type without a name, or a vendor's qualifier. */
static const char *skip_unnamed(const char *at, unsigned depth)
{
	if (*at != 'l' && *at != 't')
		return at;
	at = *at == 'l' ? skip_until_end(at + 1, false, depth) : at + 1;
	return at ? skip_number(at) : NULL;
}

/* Behind the T. */
static const char *skip_parameter(const char *at, unsigned depth)
{
	if (*at == '_' || is_one_of(*at, DIGITS))
		return skip_number(at);
	if (is_one_of(*at, "knypsue")) /* a constraint, or what kind of parameter it is: its parts follow */
		return at + 1;
	return *at == 't' ? skip_until_end(at + 1, false, depth) : NULL;
}

/* Behind the D. */
static const char *skip_d(const char *at, unsigned depth)
{
	if (*at == 't' || *at == 'T')
		return skip_until_end(at + 1, true, depth);
	if (*at == 'F')
		return *(at += 1 + strspn(at + 1, DIGITS)) ? at + 1 : NULL;
	return *at ? at + 1 : NULL;
}

/* An operator, a call or a name in an expression. */
static const char *skip_operator(const char *at, unsigned depth)
{
	if (at[1] == '\0' || begins(at, "rq") || begins(at, "rQ"))
		return NULL;
	if (begins(at, "cl") || begins(at, "il") || begins(at, "tl") || begins(at, "nw"))
		return skip_until_end(at + 2, true, depth);
	if (begins(at, "fp"))
		return skip_number(at + 2 + strspn(at + 2, "rVK"));
	if (begins(at, "sr") && is_one_of(at[2], DIGITS)) /* scopes that end, and what is in the innermost */
		return skip_until_end(at + 2, true, depth);
	return at + 2;
}

/* The next part of a type, a name or an expression. */
static const char *skip_part(const char *at, bool *expression, unsigned depth)
{
	char c = *at++;

	if (is_one_of(c, DIGITS))
		return skip_source_name(at - 1);
	if (is_one_of(c, LOWER))
		return *expression ? skip_operator(at - 1, depth) : at;
	switch (c) {
	case 'N':
	case 'I':
	case 'J':
	case 'F':
	case 'Z':
		return skip_until_end(at, false, depth);
	case 'X':
		return skip_until_end(at, true, depth);
	case 'Q': /* up to the end of what it is a condition of */
		*expression = true;
		return at;
	case 'L':
		return skip_literal(at, depth);
	case 'S':
		return skip_substitution(at);
	case 'T':
		return skip_parameter(at, depth);
	case 'U':
		return skip_unnamed(at, depth);
	case 'D':
		return skip_d(at, depth);
	case 'C':
		return at + (*at >= '1' && *at <= '5');
	case 'A':
	case '_':
		return at + strspn(at, DIGITS);
	default:
		return is_one_of(c, "KVPROGMBHYW") ? at : NULL;
	}
}

/* Behind the E that ends what AT is in. NULL: it is not understood. */
static const char *skip_until_end(const char *at, bool expression, unsigned depth)
{
	if (depth == 0)
		return NULL;
	while (at && *at != 'E')
		at = *at ? skip_part(at, &expression, depth - 1) : NULL;
	return at ? at + 1 : NULL;
}

/* ---- What is read ---- */

static void write_name(struct reading *reading, const char *name, size_t length)
{
	int written = snprintf(reading->out + reading->used, reading->bytes - reading->used, "%s%.*s",
	                       reading->used ? "::" : "", (int)length, name);

	if (written > 0)
		reading->used += (size_t)written;
	if (reading->used >= reading->bytes)
		reading->used = reading->bytes - 1;
}

static bool read_source_name(struct reading *reading)
{
	const char *name = reading->at + strspn(reading->at, DIGITS), *end = skip_source_name(reading->at);

	if (!end || end <= name)
		return false;
	if (begins(name, "_GLOBAL__N"))
		write_name(reading, "(anonymous namespace)", strlen("(anonymous namespace)"));
	else
		write_name(reading, name, (size_t)(end - name));
	reading->at = end;
	return true;
}

/* A constructor or destructor: the name before it once more. */
static void read_structor(struct reading *reading)
{
	const char *own = reading->out, *at;
	char name[256];

	for (at = own; (at = strstr(at, "::")); at += 2)
		own = at + 2;
	snprintf(name, sizeof(name), "%s%s", *reading->at == 'D' ? "~" : "", own);
	write_name(reading, name, strlen(name));
	reading->at += 2;
}

static bool read_operator(struct reading *reading)
{
	static const struct {
		const char *code, *name;
	} operators[] = {
	    {"cl", "operator()"},   {"ix", "operator[]"},      {"eq", "operator=="}, {"ne", "operator!="},
	    {"aS", "operator="},    {"lt", "operator<"},       {"gt", "operator>"},  {"le", "operator<="},
	    {"ge", "operator>="},   {"ls", "operator<<"},      {"rs", "operator>>"}, {"pl", "operator+"},
	    {"mi", "operator-"},    {"ml", "operator*"},       {"dv", "operator/"},  {"rm", "operator%"},
	    {"pp", "operator++"},   {"mm", "operator--"},      {"pL", "operator+="}, {"mI", "operator-="},
	    {"de", "operator*"},    {"pt", "operator->"},      {"nt", "operator!"},  {"ss", "operator<=>"},
	    {"nw", "operator new"}, {"dl", "operator delete"},
	};

	for (size_t i = 0; i < sizeof(operators) / sizeof(*operators); i++)
		if (begins(reading->at, operators[i].code)) {
			write_name(reading, operators[i].name, strlen(operators[i].name));
			reading->at += 2;
			return true;
		}
	return false;
}

/* {lambda#1}: its parameters, and a number, which the first has not, and the second has as 0. */
static bool read_lambda(struct reading *reading)
{
	const char *number = skip_until_end(reading->at + 2, false, DEPTH_MAX);
	char name[64];
	unsigned index = 0;

	if (!number || !(reading->at = skip_number(number)))
		return false;
	if (sscanf(number, "%9u", &index) == 1)
		index++;
	snprintf(name, sizeof(name), "{lambda#%u}", index + 1);
	write_name(reading, name, strlen(name));
	return true;
}

/* The next part of a name. False: it ends here. */
static bool read_part(struct reading *reading)
{
	const char *at = reading->at;

	if (is_one_of(*at, DIGITS))
		return read_source_name(reading);
	if (begins(at, "St")) {
		write_name(reading, "std", 3);
		reading->at += 2;
		return true;
	}
	if ((*at == 'C' || *at == 'D') && is_one_of(at[1], "012345")) {
		read_structor(reading);
		return true;
	}
	if (begins(at, "Ul"))
		return read_lambda(reading);
	if (*at == 'I' || *at == 'B') { /* template arguments, or the tag of an ABI */
		reading->at = *at == 'I' ? skip_until_end(at + 1, false, DEPTH_MAX) : skip_source_name(at + 1);
		return reading->at != NULL;
	}
	if (*at == 'L') { /* of this file alone */
		reading->at++;
		return true;
	}
	return read_operator(reading);
}

/* The parts up to an E, of which there are more in a nested name than in one that is not; false: not understood. */
static bool read_parts(struct reading *reading, bool nested)
{
	bool has_name = false;

	for (;;) {
		bool is_prefix = begins(reading->at, "St") || *reading->at == 'L';

		if (nested && *reading->at == 'E')
			break;
		if (!nested && has_name && *reading->at != 'I' && *reading->at != 'B')
			return true;
		if (!read_part(reading))
			return false;
		has_name |= !is_prefix;
	}
	reading->at++;
	return true;
}

static bool read_encoding(struct reading *reading, unsigned depth)
{
	bool whole;

	if (*reading->at == 'Z' && depth) { /* a function, and what is within it */
		reading->at++;
		if (!read_encoding(reading, depth - 1) ||
		    !(reading->at = skip_until_end(reading->at, false, DEPTH_MAX)))
			return false;
		return read_encoding(reading, 0);
	}
	whole = *reading->at != 'N';
	if (!whole)
		reading->at += 1 + strspn(reading->at + 1, "rVKROH");
	return read_parts(reading, !whole);
}

bool mangled_name(const char *symbol, char *out, size_t bytes)
{
	struct reading reading = {symbol + 2, out, bytes, 0};

	out[0] = '\0';
	if (begins(symbol, "_Z"))
		read_encoding(&reading, 2);
	return out[0] != '\0';
}
