/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Between forbid_allocation and allow_allocation, the allocator aborts; knows no codec. The linker
 * sends the calls of the library and the tests here (--wrap), those of the C library itself not. */
#ifndef FORBID_ALLOCATION_H
#define FORBID_ALLOCATION_H

void forbid_allocation(void);
void allow_allocation(void);

#endif
