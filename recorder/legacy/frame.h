/* SPDX-License-Identifier: Apache-2.0
 *
 * frame.h - cuts the stream of one connection into messages of the old protocol, whatever their size, and however
 * the stream was cut on its way.
 *
 * A request is a head and zeros, so the first byte after the head that is not zero begins the next message and gives
 * the size away. Before it comes, a message that ends where one may end is taken for what it seems; should zeros follow
 * it, it was the beginning of a longer one, with the same head.
 *
 * Not thread-safe.
 */
#ifndef RECORDER_LEGACY_FRAME_H
#define RECORDER_LEGACY_FRAME_H

#include <stddef.h>

#include "wire.h"

struct legacy_framer {
	int32_t pid;         /* of the connection's owner; 0: not known */
	uint32_t size_bytes; /* of all messages; 0: not known yet */
	uint32_t
	    seems_bytes; /* before it is known: what it seems to be, 0: nothing yet. The message was given out then */
	uint32_t tail_bytes;
	uint8_t tail[LEGACY_LARGE_BYTES]; /* of the stream so far, before the message's end has come */
};

enum legacy_step {
	LEGACY_STEP_MORE,    /* the rest is too little: legacy_framer_keep() it */
	LEGACY_STEP_MESSAGE, /* here it is */
	LEGACY_STEP_BAD,     /* this is not the old protocol, or no size of it */
};

/* Takes the next message off the COUNT bytes at *AT, which begin with the tail. */
enum legacy_step legacy_framer_next(struct legacy_framer *framer, const uint8_t **at, size_t *count,
                                    struct legacy_message *message);

/* Keeps the rest as the tail. */
void legacy_framer_keep(struct legacy_framer *framer, const uint8_t *at, size_t count);

/* The size that answers have to have, after a message was given out; one of the three. */
uint32_t legacy_framer_answer_bytes(const struct legacy_framer *framer);

/* Whether the stream may end here: no half message is left. */
bool legacy_framer_is_whole(const struct legacy_framer *framer);

#endif
