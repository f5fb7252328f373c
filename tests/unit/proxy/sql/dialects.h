// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "proxy/sql/scan.h"

namespace loadline::sql {

inline constexpr Dialect kStandard = {};
inline constexpr Dialect kPostgres = {.dollar_quotes = true, .nested_comments = true};
inline constexpr Dialect kMysql = {.backslash_escapes = true,
                                   .hash_comments = true,
                                   .backtick_identifiers = true,
                                   .double_quote_strings = true,
                                   .question_parameters = true};

}  // namespace loadline::sql
