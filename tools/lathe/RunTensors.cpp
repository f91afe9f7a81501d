#include "tools/lathe/Run.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iostream>
#include <sstream>

namespace lathe::tools {

namespace {

std::vector<std::string> outputNamesOf(const lathe_program *program, size_t entry) {
  std::vector<std::string> names;
  for (size_t i = 0; const lathe_value_info *value = lathe_program_output(program, entry, i); ++i)
    names.emplace_back(value->name);
  return names;
}

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

/// An output whose size depends on data may be smaller than the room that was made for it.
void takeShape(Array &array, const lathe_tensor &tensor) {
  array.shape.assign(tensor.shape, tensor.shape + tensor.rank);
  size_t bytes = typeNames(tensor.type).bytes;
  for (int64_t size : array.shape)
    bytes *= size_t(size);
  array.bytes.resize(bytes);
}

} // namespace

void runTensors(const RunArguments &arguments, const Model &model) {
  const Program &program = model.program;
  size_t entry = model.entry;
  if (!arguments.tokens.empty() || !arguments.logits.empty() || arguments.text.given())
    throw CommandFailure(LATHE_INVALID_ARGUMENT,
                         arguments.model.model + ": takes tensors, so use --input, not --tokens or text");
  Session session = createSession(model, nullptr);

  std::map<std::string, Array> inputs = makeInputs(arguments.inputs, program, entry);
  std::vector<lathe_tensor> inputTensors;
  for (auto &[name, array] : inputs)
    inputTensors.push_back(describeTensor(name.c_str(), array));

  std::vector<std::string> outputNames = outputNamesOf(program.get(), entry);
  auto outputFiles = splitFiles(arguments.outputs, "--output", outputNames);
  if (!outputFiles.empty()) {
    outputNames.clear();
    for (auto &[name, path] : outputFiles)
      outputNames.push_back(name);
  }
  std::vector<lathe_tensor> outputTensors(outputNames.size());
  for (size_t i = 0; i != outputNames.size(); ++i)
    outputTensors[i].name = outputNames[i].c_str();

  lathe_run_options options = {};
  options.struct_size = sizeof(options);
  options.entry = model.info().name;
  options.inputs = inputTensors.data();
  options.input_count = inputTensors.size();
  options.outputs = outputTensors.data();
  options.output_count = outputTensors.size();
  check(lathe_session_shapes(session.get(), &options));
  std::vector<Array> outputs(outputNames.size());
  for (size_t i = 0; i != outputs.size(); ++i) {
    const lathe_tensor &tensor = outputTensors[i];
    outputs[i].type = tensor.type;
    if (std::find(tensor.shape, tensor.shape + tensor.rank, -1) == tensor.shape + tensor.rank)
      outputs[i].bytes.resize(tensor.bytes);
  }

  std::vector<double> seconds;
  for (int i = 0; i != arguments.repeat; ++i) {
    // Without memory, because the size depends on data or is 0, an output lies in that of the session.
    for (size_t k = 0; k != outputs.size(); ++k)
      outputTensors[k].data = outputs[k].bytes.empty() ? nullptr : outputs[k].bytes.data();
    auto start = std::chrono::steady_clock::now();
    check(lathe_session_run(session.get(), &options));
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  reportTimes("run", seconds);
  for (size_t i = 0; i != outputs.size(); ++i) {
    if (const auto *data = static_cast<const char *>(outputTensors[i].data); outputs[i].bytes.empty() && data)
      outputs[i].bytes.assign(data, data + outputTensors[i].bytes);
    takeShape(outputs[i], outputTensors[i]);
    if (auto file = outputFiles.find(outputNames[i]); file != outputFiles.end())
      writeArray(file->second, outputs[i], outputNames[i]);
    else
      print(outputNames[i], outputs[i]);
  }
}

} // namespace lathe::tools
