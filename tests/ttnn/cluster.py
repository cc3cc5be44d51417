# SPDX-License-Identifier: Apache-2.0
"""Descriptions of machines that TT-Metal's mock device takes for real: TT_METAL_MOCK_CLUSTER_DESC_PATH names one."""

# Architecture, board and the number of its kind, rows and columns of chips, and which rows of cores are switched off.
MACHINES = {
    "p100": ("blackhole", "p100", 0x36, 1, 1, 0),
    "n150": ("wormhole_b0", "n150", 0x18, 1, 1, 1 << 6),
    "2x2": ("blackhole", "p150", 0x40, 2, 2, 0),
    "2x4": ("blackhole", "p150", 0x40, 2, 4, 0),
}
BOARD_KIND_SHIFT = 36  # in a board's id; below it is the serial number


def links(rows, columns):
    """(chip, lane, chip, lane): neighbours have two lanes of ethernet each."""
    for chip in range(rows * columns):
        for lane in (0, 1):
            if chip % columns + 1 < columns:
                yield chip, lane, chip + 1, 2 + lane
            if chip + columns < rows * columns:
                yield chip, 4 + lane, chip + columns, 6 + lane


def block(name, lines):
    return [f"{name}:", *lines] if lines else [f"{name}: []"]


def describe(machine, first_id=1):
    """The description (YAML) of MACHINE, whose chips have unique ids from FIRST_ID on."""
    arch, board, kind, rows, columns, rows_off = MACHINES[machine]
    chips = range(rows * columns)
    blackhole = arch == "blackhole"
    off = f"harvest_mask: {rows_off}, dram_harvesting_mask: 0, eth_harvesting_mask: {0x120 if blackhole else 0}, " \
        f"pcie_harvesting_mask: {2 if blackhole else 0}, l2cpu_harvesting_mask: 0"
    lines = []
    for name, of_chip in (
            ("arch", lambda chip: arch),
            ("chips", lambda chip: f"[{chip % columns}, {chip // columns}, 0, 0]"),
            ("chip_unique_ids", lambda chip: first_id + chip),
            ("harvesting", lambda chip: f"{{noc_translation: true, {off}}}"),
            ("chip_to_boardtype", lambda chip: board),
            ("chip_to_bus_id", lambda chip: f"{chip + 1:#04x}"),
            ("asic_locations", lambda chip: chip)):
        lines += block(name, [f"  {chip}: {of_chip(chip)}" for chip in chips])
    lines += block("chips_with_mmio", [f"  - {chip}: {chip}" for chip in chips])
    lines += block("ethernet_connections", [
        line for a, a_lane, b, b_lane in links(rows, columns)
        for line in ("  -", f"    - {{chip: {a}, chan: {a_lane}}}", f"    - {{chip: {b}, chan: {b_lane}}}")])
    lines += block("ethernet_connections_to_remote_devices", [])
    lines += block("boards", [
        line for chip in chips
        for line in ("  -", f"    - board_id: {(kind << BOARD_KIND_SHIFT) + chip + 1}", f"    - board_type: {board}", f"    - chips: [{chip}]")])
    return "\n".join(lines) + "\n"
