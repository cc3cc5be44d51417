/* SPDX-License-Identifier: Apache-2.0
 *
 * rules.c - see rules.h.
 */
#include "rules.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *table, *column;
	enum rule rule;
} rules[] = {
    {"recording_info", "uuid", RULE_KEEP},
    {"recording_info", "version", RULE_KEEP},
    {"recording_info", "boot_id", RULE_CHIP},
    {"recording_info", "host", RULE_HOST},
    {"recording_info", "user", RULE_USER},
    {"recording_info", "command", RULE_COMMAND},
    {"recording_info", "directory", RULE_PATH},
    {"recording_info", "socket", RULE_PATH},
    {"recording_info", "ended", RULE_KEEP},
    {"recording_job", "job", RULE_HOST},
    {"part", "uuid", RULE_KEEP},
    {"part", "version", RULE_KEEP},
    {"part", "boot_id", RULE_CHIP},
    {"part", "host", RULE_HOST},
    {"part", "user", RULE_USER},
    {"part", "command", RULE_COMMAND},
    {"part", "directory", RULE_PATH},
    {"part", "job", RULE_HOST},
    {"part", "clock", RULE_KEEP},
    {"part", "ended", RULE_KEEP},
    {"recording_file", "devices", RULE_KEEP},
    {"process_info", "segment_id", RULE_KEEP},
    {"process_info", "segment_path", RULE_PATH},
    {"process_info", "producer", RULE_KEEP},
    {"process_info", "executable", RULE_PATH},
    {"process_info", "command", RULE_COMMAND},
    {"process_info", "ended", RULE_KEEP},
    {"process_user", "name", RULE_USER},
    {"process_note", "note", RULE_FREE},
    {"thread_info", "name", RULE_THREAD},
    {"label_info", "name", RULE_NAME},
    {"label_info", "path", RULE_NAME},
    {"snapshot_mark", "name", RULE_NAME},
    {"kernel_info", "name", RULE_NAME},
    {"kernel_info", "kind", RULE_KEEP},
    {"kernel_info", "core_type", RULE_KEEP},
    {"device_mark", "arch", RULE_KEEP},
    {"device_identity", "allocator_name", RULE_FREE},
    {"device_identity", "chip", RULE_CHIP},
    {"device_identity", "visible", RULE_HOST},
    {"device_cores", "core_ranges", RULE_KEEP},
    {"circular_buffer", "cores", RULE_KEEP},
    {"circular_buffer", "ended", RULE_KEEP},
    {"failure_info", "why", RULE_FREE},
    {"loss_row", "why", RULE_FREE},
    {"module_info", "path", RULE_MODULE},
    {"module_info", "build_id", RULE_KEEP},
    {"module_info", "symbols", RULE_FREE},
    {"symbol_info", "function", RULE_FREE},
    {"symbol_info", "file", RULE_SOURCE},
    {"symbol_info", "language", RULE_KEEP},
    {"operation_text", "text", RULE_FREE},
    {"tensor_list", "list", RULE_KEEP},
    {"tensor_spec", "shape", RULE_KEEP},
    {"tensor_spec", "dtype", RULE_KEEP},
    {"tensor_spec", "layout", RULE_KEEP},
    {"tensor_spec", "memory", RULE_KEEP},
    {"tensor_spec", "shard_shape", RULE_KEEP},
    {"tensor_spec", "shard_grid", RULE_KEEP},
    {"tensor_spec", "orientation", RULE_KEEP},
    {"share_info", "removed", RULE_KEEP},
};

enum rule rule_of(const char *table, const char *column, bool *known)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		if (strcmp(rules[i].table, table) != 0 || strcmp(rules[i].column, column) != 0)
			continue;
		if (known)
			*known = true;
		return rules[i].rule;
	}
	if (known)
		*known = false;
	return RULE_FREE;
}

unsigned rule_secrets(enum rule rule)
{
	switch (rule) {
	case RULE_HOST:
	case RULE_CHIP:
		return SHARE_HOST;
	case RULE_USER:
		return SHARE_USER;
	case RULE_PATH:
	case RULE_MODULE:
	case RULE_SOURCE:
		return SHARE_PATHS;
	case RULE_COMMAND:
		return SHARE_COMMANDS;
	case RULE_NAME:
		return SHARE_LABELS;
	case RULE_THREAD:
		return SHARE_LABELS | SHARE_COMMANDS | SHARE_PATHS;
	default:
		return 0;
	}
}

unsigned rule_table_secrets(const char *table)
{
	static const struct {
		const char *table;
		unsigned secrets;
	} tables[] = {{"stack_info", SHARE_STACKS},
	              {"frame_info", SHARE_STACKS},
	              {"module_info", SHARE_STACKS},
	              {"symbol_info", SHARE_STACKS},
	              {"process_user", SHARE_USER}};

	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		if (strcmp(tables[i].table, table) == 0)
			return tables[i].secrets;
	return 0;
}

bool rule_is_stack_column(const char *column)
{
	return strcmp(column, "stack") == 0;
}
