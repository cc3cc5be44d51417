/* SPDX-License-Identifier: Apache-2.0
 *
 * Logs in which a message of TT-Metal may be. The input's first byte chooses a true message that it is put around.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sql/answers/why/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const messages[] = {
    "",
    "Not enough space to allocate ",
    " B L1 buffer across 64 banks, where each bank needs to store ",
    ("Statically allocated circular buffers in program 1 clash with L1 buffers on core range [0-0 - 7-7]. L1 buffer "
     "allocated at "),
    "Statically allocated circular buffers on core range [(x=0,y=0) - (x=7,y=7)] grow to ",
    "Creating trace buffers of size ",
    "Cannot allocate at an address below ",
    "Not enough space to allocate 640 B L1 buffer across 64 banks (10 B per bank), bank size is ",
};

static void check(int right)
{
	if (!right)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct message message;

	if (size == 0)
		return 0;
	const char *head = messages[data[0] % (sizeof(messages) / sizeof(*messages))];
	size_t head_bytes = strlen(head);
	char *text = malloc(head_bytes + size);

	check(text != NULL);
	memcpy(text, head, head_bytes);
	memcpy(text + head_bytes, data + 1, size - 1); /* not terminated */
	if (message_parse(text, head_bytes + size - 1, &message)) {
		check(message.region >= -1 && message.size_bytes >= -1 && message.request_bank_bytes >= -1);
		check(message.cb_end >= -1 && message.limit >= -1 && message.address >= -1);
	}
	free(text);
	return 0;
}
