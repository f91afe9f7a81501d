#ifndef LATHE_RUNTIME_GRAMMAR_INTEGERRANGE_H
#define LATHE_RUNTIME_GRAMMAR_INTEGERRANGE_H

#include <cstdint>
#include <optional>
#include <string>

namespace lathe::runtime {

/// The digits that an integer may have, of those that have no end.
constexpr int MaxIntegerDigits = 16;

/// A part of a grammar for the integers from `least` to `most`, both included, without zeros in front; where one is
/// missing, down or up to MaxIntegerDigits digits. Empty where there are none.
std::string integerRangeGrammar(std::optional<int64_t> least, std::optional<int64_t> most);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_GRAMMAR_INTEGERRANGE_H
