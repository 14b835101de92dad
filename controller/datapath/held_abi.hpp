#pragma once

/// What abi.hpp leaves out, since only few need it.
extern "C" {
#include "bpf/abi_held.h"
}
