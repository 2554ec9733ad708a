// Reading a whole table: its fingerprint, its soundness, the masses it stands for.
#pragma once

#include <cstdint>

#include "core/alias_table.h"
#include "core/fingerprint.h"
#include "cpu/runtime/parallel.h"

namespace pysampler {

Fingerprint fingerprint(const AliasTableView& table, const Execution& execution = {});

// Whether every alias is below `items`, so that drawing never leads outside.
bool aliases_in_range(const AliasTableView& table, const Execution& execution = {});

// masses[i] = how many of the items * 2^32 units of mass lead to item i. One thread.
void table_masses(const AliasTableView& table, uint64_t* masses);

}  // namespace pysampler
