#ifndef LATHE_COMPILER_REPORT_EXPRESSION_H
#define LATHE_COMPILER_REPORT_EXPRESSION_H

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string_view>

namespace lathe::report {

/// The value of an expression over the symbols s0, s1, ... as manifests write it: `s0 * 1024 + (s1 ceildiv 16) * 4`.
/// Empty when the text is no such expression, names a symbol that is not there, or divides by zero.
std::optional<int64_t> evaluate(std::string_view text, std::span<const int64_t> symbols);

/// The same for a formula of a manifest: a number, or an expression as text.
std::optional<int64_t> evaluate(const nlohmann::ordered_json &formula, std::span<const int64_t> symbols);

} // namespace lathe::report

#endif // LATHE_COMPILER_REPORT_EXPRESSION_H
