/* SPDX-License-Identifier: Apache-2.0
 *
 * wire.c - the layouts of the old protocol. Integers are in host order, as its clients write them.
 */
#include "wire.h"

#include <string.h>

/* Offsets that all sizes but the helper's share. */
enum {
	AT_DEVICE = 4,
	AT_SIZE = 8,
	AT_BUFFER_TYPE = 16,
	AT_PID = 20,
	AT_ID = 24,
	AT_TIME = 32,
	AT_DRAM = 40,
	AT_L1 = 48,
	AT_L1_SMALL = 56,
	AT_TRACE = 64,
	AT_CB = 72,     /* the large size only */
	AT_KERNEL = 80, /* the large size only */
	AT_HELPER_ID = 16,
	AT_HELPER_PID = 24,
	AT_HELPER_PAD = 28,
};

static uint32_t get32(const uint8_t *bytes, unsigned at)
{
	uint32_t value;

	memcpy(&value, bytes + at, sizeof(value));
	return value;
}

static uint64_t get64(const uint8_t *bytes, unsigned at)
{
	uint64_t value;

	memcpy(&value, bytes + at, sizeof(value));
	return value;
}

static void put32(uint8_t *bytes, unsigned at, uint32_t value)
{
	memcpy(bytes + at, &value, sizeof(value));
}

static void put64(uint8_t *bytes, unsigned at, uint64_t value)
{
	memcpy(bytes + at, &value, sizeof(value));
}

/* One byte and the three of padding after it, which every client leaves zero: what else is there is no message. */
static bool padded(const uint8_t *bytes, unsigned at)
{
	return !bytes[at + 1] && !bytes[at + 2] && !bytes[at + 3];
}

static bool is_request(uint8_t type)
{
	return type >= LEGACY_ALLOC && type <= LEGACY_DUMP_KERNELS && type != LEGACY_RESPONSE &&
	       type != LEGACY_DEVICE_INFO_RESPONSE;
}

bool legacy_decode(const uint8_t *bytes, struct legacy_message *message)
{
	if (!is_request(bytes[0]) || !padded(bytes, 0) || !padded(bytes, AT_BUFFER_TYPE))
		return false;
	*message = (struct legacy_message){
	    .type = (enum legacy_type)bytes[0],
	    .device = (int32_t)get32(bytes, AT_DEVICE),
	    .size_bytes = get64(bytes, AT_SIZE),
	    .buffer_type = bytes[AT_BUFFER_TYPE],
	    .pid = (int32_t)get32(bytes, AT_PID),
	    .id = get64(bytes, AT_ID),
	};
	return true;
}

static bool is_helper_type(uint8_t type)
{
	return type >= LEGACY_CB_ALLOC && type <= LEGACY_KERNEL_UNLOAD;
}

bool legacy_decode_helper(const uint8_t *bytes, struct legacy_message *message)
{
	if (!is_helper_type(bytes[0]) || !padded(bytes, 0) || get32(bytes, AT_HELPER_PAD))
		return false;
	*message = (struct legacy_message){
	    .type = (enum legacy_type)bytes[0],
	    .device = (int32_t)get32(bytes, AT_DEVICE),
	    .size_bytes = get64(bytes, AT_SIZE),
	    .pid = (int32_t)get32(bytes, AT_HELPER_PID),
	    .id = get64(bytes, AT_HELPER_ID),
	};
	return true;
}

/* The pid stands at another place in the helper's messages. Where nobody vouches for a pid, the type of the next
 * message tells: no time in a long message is that small. */
bool legacy_is_helper(const uint8_t *bytes, uint32_t count, int32_t pid)
{
	if (count < LEGACY_HELPER_BYTES || !is_helper_type(bytes[0]) || !padded(bytes, 0) ||
	    get32(bytes, AT_HELPER_PAD))
		return false;
	if (pid && padded(bytes, AT_BUFFER_TYPE) && get32(bytes, AT_PID) == (uint32_t)pid)
		return false;
	if (pid && get32(bytes, AT_HELPER_PID) == (uint32_t)pid)
		return true;
	return count >= LEGACY_SMALL_BYTES && is_helper_type(bytes[AT_TIME]) && padded(bytes, AT_TIME);
}

bool legacy_is_draft(const uint8_t *bytes, size_t count)
{
	static const uint8_t sizes[] = {14, 21, 17};
	const uint8_t first = LEGACY_CB_ALLOC, last = LEGACY_KERNEL_LOAD; /* numbers that it has for others */
	size_t size;

	if (!count || bytes[0] < first || bytes[0] > last)
		return false;
	size = sizes[bytes[0] - first];
	return count >= size && get32(bytes, 1) < 256 &&
	       (count == size || (bytes[size] >= first && bytes[size] <= last));
}

static void begin_answer(uint8_t *bytes, uint32_t size_bytes, enum legacy_type type, int32_t device)
{
	memset(bytes, 0, size_bytes);
	bytes[0] = (uint8_t)type;
	put32(bytes, AT_DEVICE, (uint32_t)device);
}

void legacy_encode_totals(uint8_t *bytes, uint32_t size_bytes, int32_t device, const struct legacy_totals *totals)
{
	begin_answer(bytes, size_bytes, LEGACY_RESPONSE, device);
	put64(bytes, AT_DRAM, totals->dram);
	put64(bytes, AT_L1, totals->l1);
	put64(bytes, AT_L1_SMALL, totals->l1_small);
	put64(bytes, AT_TRACE, totals->trace);
	if (size_bytes != LEGACY_LARGE_BYTES)
		return;
	put64(bytes, AT_CB, totals->cb);
	put64(bytes, AT_KERNEL, totals->kernel);
}

void legacy_encode_device_count(uint8_t *bytes, uint32_t size_bytes, uint32_t count)
{
	unsigned at_available = size_bytes == LEGACY_LARGE_BYTES ? 120 : 104;

	begin_answer(bytes, size_bytes, LEGACY_DEVICE_INFO_RESPONSE, -1);
	if (size_bytes == LEGACY_SMALL_BYTES)
		return; /* has no such fields */
	put32(bytes, at_available, count > 0);
	put32(bytes, at_available + 4, count);
}

/* What does not fit into the field is the most that does. */
static void put_narrow(uint8_t *bytes, unsigned at, uint64_t value)
{
	put32(bytes, at, value < UINT32_MAX ? (uint32_t)value : UINT32_MAX);
}

void legacy_encode_device(uint8_t *bytes, uint32_t size_bytes, int32_t device, const struct legacy_device_facts *about)
{
	unsigned at = size_bytes == LEGACY_LARGE_BYTES ? 88 : 72;

	begin_answer(bytes, size_bytes, LEGACY_DEVICE_INFO_RESPONSE, device);
	if (size_bytes == LEGACY_SMALL_BYTES || !about)
		return;
	put64(bytes, at, about->dram_banks * about->dram_bank_bytes);
	put64(bytes, at + 8, about->l1_banks * about->l1_bank_bytes);
	put32(bytes, at + 16, about->arch);
	put32(bytes, at + 20, about->dram_banks);
	put_narrow(bytes, at + 24, about->dram_bank_bytes);
	put_narrow(bytes, at + 28, about->l1_bank_bytes);
	put32(bytes, at + 32, 1); /* available */
}
