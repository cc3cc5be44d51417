// SPDX-License-Identifier: Apache-2.0
//
// Upstream's unity build: calls inside it need not pass the dynamic linker.
#include "allocator.cpp"
#include "buffer.cpp"
#include "impl.cpp"
