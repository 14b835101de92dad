/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The one contract between the BPF programs and the daemon: every value of every memory-mapped map.
 * Both compilers assert the sizes. Change a layout or a meaning: raise PM_ABI_VERSION.
 */
#ifndef PM_ABI_H
#define PM_ABI_H

#define PM_ABI_VERSION 4

#include "abi_probes.h"
#include "abi_reports.h"
#include "abi_sessions.h"
#include "abi_tables.h"

#endif
