/* Numbers, bytes and times as text. */
#ifndef WAFER_DEMO_WORDS_H
#define WAFER_DEMO_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "template.h"

/* The system's clock. */
int64_t demo_now_ms(void);

#define DEMO_DATE_MAX 80
#define DEMO_SPAN_MAX 48

/* 2026-01-31T12:00:00Z; empty for a time that is no date. */
void demo_date(char text[DEMO_DATE_MAX], int64_t at_ms);
/* "2 h 5 min", "1 d", "12 s"; at most two units. Below zero it is "0 s". */
void demo_span(char text[DEMO_SPAN_MAX], int64_t length_ms);

/* text has room for 2 * length + 1. */
void demo_hex(char *text, const uint8_t *bytes, size_t length);
/* The bytes of hex digits; false when they are not exactly `length` bytes. */
bool demo_hex_read(const char *text, size_t text_length, uint8_t *bytes, size_t length);

/* The same as values of a page. */
void demo_put_date(struct demo_values *values, const char *name, int64_t at_ms);
void demo_put_span(struct demo_values *values, const char *name, int64_t length_ms);
void demo_put_hex(struct demo_values *values, const char *name, const uint8_t *bytes,
                  size_t length);

#endif
