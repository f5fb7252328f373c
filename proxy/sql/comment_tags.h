// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "proxy/sql/scan.h"

namespace loadline::sql {

// Appends the tags of one comment, given without its /* and */, as far as there is room. A part
// that is no tag is skipped up to the next comma.
void read_comment_tags(std::string_view comment, StatementScan& out) noexcept;

}  // namespace loadline::sql
