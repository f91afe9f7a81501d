// The report on what quantizing a model lost, from the manifest alone.
#ifndef LATHE_COMPILER_REPORT_QUANTIZATION_H
#define LATHE_COMPILER_REPORT_QUANTIZATION_H

#include <nlohmann/json.hpp>
#include <string>

namespace lathe::report {

/// The report as JSON: "model", "recipe", the manifest's list of "tensors", "total", which is the same of all of them
/// together, and where it was measured "evaluation", what they cost the model. Null when the model was not quantized.
nlohmann::ordered_json buildQuantization(const nlohmann::ordered_json &manifest);

/// The report as a table for a terminal, a line for each tensor and one for all.
std::string printQuantization(const nlohmann::ordered_json &report);

/// The report as one page that needs nothing else: the table, and the relative error of each tensor as a bar.
std::string renderQuantization(const nlohmann::ordered_json &report);

/// Writes the report to a file: as a page if its name ends in .html, else as JSON. Returns "" or a message.
std::string writeQuantization(const std::string &path, const nlohmann::ordered_json &report);

} // namespace lathe::report

#endif // LATHE_COMPILER_REPORT_QUANTIZATION_H
