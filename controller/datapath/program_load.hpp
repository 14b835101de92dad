#pragma once

#include "controller/datapath/programs.hpp"

struct bpf_object;

namespace pointsman {

/// Loads an opened skeleton on the pinned maps of `options.pin_directory`, made where they are missing, with
/// the sizes and `pm_options` (at `rodata`) that follow from the configuration.
/// @throws DatapathError: no privileges, a kernel that refuses the programs.
void load_program(bpf_object* object, void const* rodata, ProgramOptions const& options);

} // namespace pointsman
