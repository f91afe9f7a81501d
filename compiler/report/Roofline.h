// The report: what each launch of a compiled model moves and computes, and how long a machine should take for it. It is
// made from the manifest alone, so the compiler and the runtime's command make the same one.
#ifndef LATHE_COMPILER_REPORT_ROOFLINE_H
#define LATHE_COMPILER_REPORT_ROOFLINE_H

#include "compiler/report/Machine.h"

#include <cstdint>
#include <vector>

namespace lathe::report {

/// One call to report on: an entry, and the values of its symbols.
struct Call {
  size_t Entry = 0;
  std::vector<int64_t> Symbols;
  double Seconds = 0;                  ///< measured for the whole call, or 0
  std::vector<double> LaunchSeconds{}; ///< measured for each step, 0 for one that was not; or empty
};

struct Prediction {
  double Seconds;
  const char *Bound; ///< launch, compute, blocks, memory, cache, steps or ranks
};

/// What a launch takes, of those that a report describes: `math`, `flops`, bytes of memory and cache, `blocks` and
/// `work` are what counts.
Prediction predictLaunch(const nlohmann::ordered_json &launch, const Machine &machine);

/// The clone of an entry that serves these values; -1 if none does.
int64_t findClone(const nlohmann::ordered_json &entry, const std::vector<int64_t> &symbols);

/// For each clone of each entry the call with the smallest values of all symbols and the one with the greatest.
std::vector<Call> listCalls(const nlohmann::ordered_json &manifest);

/// Bytes of the arena that a call needs.
int64_t arenaBytes(const nlohmann::ordered_json &entry, const std::vector<int64_t> &symbols);

/// The report as JSON: "machine", "model", and for each call its launches and buffers with numbers in place of
/// formulas. `target` is the one of the manifest's "cuda_targets" whose kernels run, by default that of its chip.
nlohmann::ordered_json buildReport(const nlohmann::ordered_json &manifest, const Machine &machine,
                                   const std::vector<Call> &calls, const std::string &target = "");

/// The report as one page that needs nothing else.
std::string renderPage(const nlohmann::ordered_json &report);

/// Writes a report to a file: as a page if its name ends in .html, else as JSON. Returns "" or a message.
std::string writeReport(const std::string &path, const nlohmann::ordered_json &report);

} // namespace lathe::report

#endif // LATHE_COMPILER_REPORT_ROOFLINE_H
