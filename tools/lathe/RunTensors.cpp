#include "tools/lathe/Commands.h"
#include "tools/lathe/Npy.h"

#include <chrono>
#include <cmath>
#include <cstring>
#include <iostream>
#include <map>

namespace lathe::tools {

namespace {

using Value = const lathe_value_info *;
using ValueAt = Value (*)(const lathe_program *, size_t, size_t);

std::string shapeText(const std::vector<int64_t> &shape) {
  std::string text = "[";
  for (size_t i = 0; i != shape.size(); ++i)
    text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

/// Splits NAME=FILE. Without a name the only value is meant.
std::map<std::string, std::string> files(const std::vector<std::string> &options, const char *flag,
                                         const std::vector<std::string> &names) {
  std::map<std::string, std::string> result;
  for (const std::string &option : options) {
    size_t equals = option.find('=');
    if (equals == std::string::npos && names.size() != 1)
      throw CommandFailure(LATHE_INVALID_ARGUMENT, std::string(flag) + " '" + option + "' must be NAME=FILE.npy");
    std::string name = equals == std::string::npos ? names[0] : option.substr(0, equals);
    if (!result.emplace(name, option.substr(equals == std::string::npos ? 0 : equals + 1)).second)
      throw CommandFailure(LATHE_INVALID_ARGUMENT, std::string(flag) + " names '" + name + "' twice");
  }
  return result;
}

std::vector<std::string> namesOf(const lathe_program *program, size_t entry, ValueAt at) {
  std::vector<std::string> names;
  for (size_t i = 0; Value value = at(program, entry, i); ++i)
    names.emplace_back(value->name);
  return names;
}

lathe_tensor describe(const char *name, Array &array) {
  if (array.shape.size() > LATHE_MAX_RANK)
    throw CommandFailure(LATHE_INVALID_ARGUMENT, std::string("input '") + name + "' has more than 8 dimensions");
  lathe_tensor tensor = {};
  tensor.name = name;
  tensor.data = array.bytes.data();
  tensor.bytes = array.bytes.size();
  tensor.type = array.type;
  tensor.rank = array.shape.size();
  std::copy(array.shape.begin(), array.shape.end(), tensor.shape);
  return tensor;
}

float halfValue(uint16_t bits) {
  int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  float value = exponent == 31  ? (mantissa ? NAN : INFINITY)
                : exponent == 0 ? std::ldexp(float(mantissa), -24)
                                : std::ldexp(float(mantissa + 1024), exponent - 25);
  return bits >> 15 ? -value : value;
}

template <typename T> T elementAt(const Array &array, size_t index) {
  T value;
  std::memcpy(&value, array.bytes.data() + index * sizeof(T), sizeof(T));
  return value;
}

void printElement(const Array &array, size_t index) {
  switch (array.type) {
  case LATHE_F32:
    std::cout << elementAt<float>(array, index);
    return;
  case LATHE_F16:
    std::cout << halfValue(elementAt<uint16_t>(array, index));
    return;
  case LATHE_BF16: {
    uint32_t bits = uint32_t(elementAt<uint16_t>(array, index)) << 16;
    float value;
    std::memcpy(&value, &bits, sizeof(value));
    std::cout << value;
    return;
  }
  case LATHE_F64:
    std::cout << elementAt<double>(array, index);
    return;
  case LATHE_I8:
    std::cout << int(elementAt<int8_t>(array, index));
    return;
  case LATHE_U8:
  case LATHE_BOOL:
    std::cout << int(elementAt<uint8_t>(array, index));
    return;
  case LATHE_I16:
    std::cout << elementAt<int16_t>(array, index);
    return;
  case LATHE_I32:
    std::cout << elementAt<int32_t>(array, index);
    return;
  case LATHE_I64:
    std::cout << elementAt<int64_t>(array, index);
    return;
  case LATHE_U32:
    std::cout << elementAt<uint32_t>(array, index);
    return;
  }
}

/// Name, type, shape, and the elements a row a line, of which at most 16 rows of 16 are shown.
void print(const std::string &name, const Array &array) {
  constexpr size_t Shown = 16;
  std::cout << name << ": " << typeName(array.type) << " " << shapeText(array.shape) << "\n";
  size_t width = array.shape.empty() ? 1 : size_t(array.shape.back()), count = 1;
  for (int64_t size : array.shape)
    count *= size_t(size);
  size_t rows = width ? count / width : 0;
  for (size_t row = 0; row != std::min(rows, Shown); ++row) {
    for (size_t i = 0; i != std::min(width, Shown); ++i) {
      std::cout << " ";
      printElement(array, row * width + i);
    }
    std::cout << (width > Shown ? " ...\n" : "\n");
  }
  if (rows > Shown)
    std::cout << " ... " << rows - Shown << " more rows\n";
}

} // namespace

void runTensors(const RunArguments &arguments, const Program &program, size_t entry, const Device &device) {
  if (!arguments.tokens.empty() || !arguments.logits.empty())
    throw CommandFailure(LATHE_INVALID_ARGUMENT, arguments.model + ": takes tensors, so use --input, not --tokens");
  lathe_session *created = nullptr;
  check(lathe_session_create(program.get(), device.get(), nullptr, &created));
  Session session(created);

  auto inputFiles = files(arguments.inputs, "--input", namesOf(program.get(), entry, lathe_program_input));
  std::map<std::string, Array> inputs;
  std::vector<lathe_tensor> inputTensors;
  for (auto &[name, path] : inputFiles) {
    Array &array = inputs[name] = readNpy(path);
    for (size_t i = 0; Value value = lathe_program_input(program.get(), entry, i); ++i) {
      if (value->name != name)
        continue;
      if (value->type != array.type)
        throw CommandFailure(LATHE_INVALID_ARGUMENT, path + ": has elements of " + typeName(array.type) +
                                                         " but input '" + name + "' takes " + typeName(value->type) +
                                                         "; convert it");
    }
    inputTensors.push_back(describe(inputs.find(name)->first.c_str(), array));
  }

  std::vector<std::string> outputNames = namesOf(program.get(), entry, lathe_program_output);
  auto outputFiles = files(arguments.outputs, "--output", outputNames);
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
  options.entry = lathe_program_entry(program.get(), entry)->name;
  options.inputs = inputTensors.data();
  options.input_count = inputTensors.size();
  options.outputs = outputTensors.data();
  options.output_count = outputTensors.size();
  check(lathe_session_shapes(session.get(), &options));
  std::vector<Array> outputs(outputNames.size());
  for (size_t i = 0; i != outputs.size(); ++i) {
    lathe_tensor &tensor = outputTensors[i];
    outputs[i] = {tensor.type, {tensor.shape, tensor.shape + tensor.rank}, std::vector<char>(tensor.bytes)};
    tensor.data = outputs[i].bytes.data();
  }

  std::vector<double> seconds;
  for (int i = 0; i != arguments.repeat; ++i) {
    auto start = std::chrono::steady_clock::now();
    check(lathe_session_run(session.get(), &options));
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  reportTimes("run", seconds);
  for (size_t i = 0; i != outputs.size(); ++i) {
    if (auto file = outputFiles.find(outputNames[i]); file != outputFiles.end())
      writeNpy(file->second, outputs[i]);
    else
      print(outputNames[i], outputs[i]);
  }
}

} // namespace lathe::tools
