// Whole numbers on command lines. CLI11 has such checks, but theirs tell people about the range of a double.
#ifndef LATHE_TOOLS_NUMBERS_H
#define LATHE_TOOLS_NUMBERS_H

#include <CLI/CLI.hpp>
#include <charconv>
#include <string>

namespace lathe::tools {

/// Refuses what is no whole number from `least` on. `name` stands in the help.
inline CLI::Validator atLeast(int64_t least, const char *name) {
  return CLI::Validator(
      [least](const std::string &text) {
        int64_t number = 0;
        const char *end = text.data() + text.size();
        auto [stop, error] = std::from_chars(text.data(), end, number);
        if (error == std::errc() && stop == end && number >= least)
          return std::string();
        return "'" + text + "' is no whole number from " + std::to_string(least) + " on";
      },
      name);
}

inline const CLI::Validator Positive = atLeast(1, "POSITIVE");
inline const CLI::Validator NotNegative = atLeast(0, "NONNEGATIVE");

} // namespace lathe::tools

#endif // LATHE_TOOLS_NUMBERS_H
