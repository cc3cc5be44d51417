/* SPDX-License-Identifier: Apache-2.0
 *
 * hello.c - the smallest client: one device, two blocks, one of them leaked.
 *     cc hello.c $(pkg-config --cflags --libs ttalloc) -o hello && ttalloc-recorder -o hello.db -- ./hello
 */
#include <ttalloc.h>

int main(void)
{
	const struct ttalloc_bank_layout dram = {
	    .region = TTALLOC_DRAM, .banks = 12, .bank_bytes = 1 << 30, .base_address = 0, .alignment_bytes = 32};

	ttalloc_device_open(&(struct ttalloc_device){
	    .struct_size = sizeof(struct ttalloc_device), .arch = "wormhole_b0", .layouts = &dram, .layout_count = 1});
	ttalloc_label_push("hello");
	/* 4 MiB in tiles of 2 KiB: 2048 tiles over 12 banks are 171 in the fullest bank. */
	ttalloc_alloc(&(struct ttalloc_block){
	    .region = TTALLOC_DRAM, .address = 0, .size_bytes = 4 << 20, .bank_bytes = 171 * 2048});
	ttalloc_alloc(&(struct ttalloc_block){
	    .region = TTALLOC_DRAM, .address = 171 * 2048, .size_bytes = 2048, .bank_bytes = 2048});
	ttalloc_free(0, TTALLOC_DRAM, 0);
	ttalloc_label_pop();
	ttalloc_device_close(0);
	return 0;
}
