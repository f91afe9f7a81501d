#ifndef LATHE_COMPILER_REPORT_MANIFESTCHECK_H
#define LATHE_COMPILER_REPORT_MANIFESTCHECK_H

#include <nlohmann/json.hpp>
#include <string>

namespace lathe::report {

/// Parses a manifest, and checks what loading does not read but reports do: who made it, and the plans of its clones
/// and kernels, where there are some. Throws runtime::Failure, which names the field, what was found and what is
/// needed.
nlohmann::ordered_json parseManifest(const std::string &text);

} // namespace lathe::report

#endif // LATHE_COMPILER_REPORT_MANIFESTCHECK_H
