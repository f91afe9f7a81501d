#include "tools/lathe/Run.h"
#include "tools/lathe/TensorRun.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iostream>
#include <sstream>

namespace lathe::tools {

namespace {

/// "min 0, max 2, mean 0.5", and how many elements are no number, if some are not.
std::string statistics(const Array &array) {
  size_t count = array.count(), finite = 0;
  double least = INFINITY, greatest = -INFINITY, sum = 0;
  for (size_t i = 0; i != count; ++i) {
    double value = elementValue(array, i);
    if (!std::isfinite(value))
      continue;
    ++finite;
    least = std::min(least, value);
    greatest = std::max(greatest, value);
    sum += value;
  }
  std::ostringstream text;
  if (finite)
    text << ", min " << least << ", max " << greatest << ", mean " << sum / double(finite);
  if (finite != count)
    text << ", " << count - finite << " not finite";
  return text.str();
}

/// Name, type, shape, statistics and the first elements, a row a line.
void print(const std::string &name, const Array &array) {
  constexpr size_t Rows = 4, Columns = 10;
  std::cout << name << ": " << typeName(array.type) << " [";
  for (size_t i = 0; i != array.shape.size(); ++i)
    std::cout << (i ? ", " : "") << array.shape[i];
  std::cout << "]" << statistics(array) << "\n";
  size_t width = array.shape.empty() ? 1 : size_t(array.shape.back()), rows = width ? array.count() / width : 0;
  for (size_t row = 0; row != std::min(rows, Rows); ++row) {
    for (size_t i = 0; i != std::min(width, Columns); ++i)
      std::cout << " " << elementText(array, row * width + i);
    std::cout << (width > Columns ? " ...\n" : "\n");
  }
  if (rows > Rows)
    std::cout << " ... " << rows - Rows << " more rows\n";
}

} // namespace

void runTensors(const RunArguments &arguments, const Model &model) {
  const Program &program = model.program;
  size_t entry = model.entry;
  if (!arguments.tokens.empty() || !arguments.logits.empty() || arguments.text.given())
    throw CommandFailure(LATHE_INVALID_ARGUMENT,
                         arguments.model.model + ": takes tensors, so use --input, not --tokens or text");
  std::map<std::string, Array> inputs = makeInputs(arguments.inputs, program, entry);
  std::vector<std::string> outputNames = outputNamesOf(program, entry);
  auto outputFiles = splitFiles(arguments.outputs, "--output", outputNames);
  if (!outputFiles.empty()) {
    outputNames.clear();
    for (auto &[name, path] : outputFiles)
      outputNames.push_back(name);
  }
  TensorRun run(model, inputs, outputNames);
  std::vector<double> seconds;
  for (int i = 0; i != arguments.repeat; ++i) {
    auto start = std::chrono::steady_clock::now();
    run.run();
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  reportTimes("run", seconds);
  std::vector<Array> outputs = run.takeOutputs();
  for (size_t i = 0; i != outputs.size(); ++i)
    if (auto file = outputFiles.find(outputNames[i]); file != outputFiles.end())
      writeArray(file->second, outputs[i], outputNames[i]);
    else
      print(outputNames[i], outputs[i]);
}

} // namespace lathe::tools
