#include "runtime/session/TensorBinding.h"

#include "runtime/Failure.h"

#include <algorithm>
#include <cstring>

namespace lathe::runtime {

namespace {

std::string shapeText(const int64_t *shape, size_t rank) {
  std::string text = "[";
  for (size_t i = 0; i != rank; ++i)
    text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

std::string shapeText(const Value &value) {
  std::string text = "[";
  for (size_t i = 0; i != value.sizes.size(); ++i)
    text += (i ? ", " : "") + (value.sizes[i] < 0 ? value.texts[i] : std::to_string(value.sizes[i]));
  return text + "]";
}

std::string names(const std::vector<Value> &values) {
  std::string text;
  for (const Value &value : values)
    text += (text.empty() ? "'" : ", '") + value.name + "'";
  return text.empty() ? "none" : text;
}

size_t indexOf(const std::vector<Value> &values, const char *name, const char *what) {
  for (size_t i = 0; name && i != values.size(); ++i)
    if (values[i].name == name)
      return i;
  throw Failure(LATHE_INVALID_ARGUMENT, "no ", what, " is named '", name ? name : "", "'; there are ", names(values));
}

/// Elements times element size; throws if that overflows.
uint64_t bytesOf(const int64_t *shape, size_t rank, lathe_type type) {
  uint64_t bytes = typeBytes(type);
  for (size_t i = 0; i != rank; ++i)
    if (__builtin_mul_overflow(bytes, uint64_t(shape[i]), &bytes))
      throw Failure(LATHE_INVALID_ARGUMENT, "shape ", shapeText(shape, rank), " has more than 2^64 bytes");
  return bytes;
}

void checkData(const lathe_tensor &tensor, const char *what, uint64_t bytes) {
  if (tensor.bytes < bytes)
    throw Failure(LATHE_INVALID_ARGUMENT, what, " '", tensor.name, "' has ", tensor.bytes,
                  " bytes but its shape needs ", bytes);
  if (bytes != 0 && !tensor.data)
    throw Failure(LATHE_INVALID_ARGUMENT, what, " '", tensor.name, "' has no data");
  if (reinterpret_cast<uintptr_t>(tensor.data) % typeBytes(tensor.type) != 0)
    throw Failure(LATHE_INVALID_ARGUMENT, what, " '", tensor.name, "' is not aligned to its ", typeBytes(tensor.type),
                  "-byte elements");
}

void bindInput(const Entry &entry, const Value &value, const lathe_tensor &tensor, TensorCall &call) {
  if (tensor.type != value.type)
    throw Failure(LATHE_INVALID_ARGUMENT, "input '", value.name, "' has type code ", int(tensor.type),
                  " but the model takes ", typeName(value.type), " (", int(value.type), ")");
  bool fits = tensor.rank == value.sizes.size();
  for (size_t i = 0; fits && i != tensor.rank; ++i)
    fits = tensor.shape[i] >= 0 && (value.symbols[i] >= 0 || tensor.shape[i] == value.sizes[i]);
  if (!fits)
    throw Failure(LATHE_INVALID_ARGUMENT, "input '", value.name, "' has shape ",
                  shapeText(tensor.shape, std::min<size_t>(tensor.rank, LATHE_MAX_RANK)), " but the model takes ",
                  shapeText(value));
  for (size_t i = 0; i != tensor.rank; ++i) {
    if (value.symbols[i] < 0)
      continue;
    const Symbol &symbol = entry.symbols[size_t(value.symbols[i])];
    int64_t &known = call.symbols[size_t(value.symbols[i])];
    if (tensor.shape[i] < symbol.min || tensor.shape[i] > symbol.max)
      throw Failure(LATHE_INVALID_ARGUMENT, "input '", value.name, "' has ", tensor.shape[i], " for '", symbol.name,
                    "' but the model was compiled for ", symbol.min, " to ", symbol.max);
    if (known >= 0 && known != tensor.shape[i])
      throw Failure(LATHE_INVALID_ARGUMENT, "input '", value.name, "' has ", tensor.shape[i], " for '", symbol.name,
                    "' but another input has ", known);
    known = tensor.shape[i];
  }
}

void bindInputs(const Entry &entry, const lathe_run_options &options, bool reading, TensorCall &call) {
  call.inputs.assign(entry.inputs.size(), nullptr);
  call.symbols.assign(entry.symbols.size(), -1);
  for (size_t i = 0; i != options.input_count; ++i) {
    const lathe_tensor &tensor = options.inputs[i];
    size_t index = indexOf(entry.inputs, tensor.name, "input");
    if (call.inputs[index])
      throw Failure(LATHE_INVALID_ARGUMENT, "input '", tensor.name, "' is given twice");
    call.inputs[index] = &tensor;
    bindInput(entry, entry.inputs[index], tensor, call);
    if (reading)
      checkData(tensor, "input", bytesOf(tensor.shape, tensor.rank, tensor.type));
  }
  for (size_t i = 0; i != call.inputs.size(); ++i)
    if (!call.inputs[i])
      throw Failure(LATHE_INVALID_ARGUMENT, "input '", entry.inputs[i].name, "' is missing");
}

/// What a size that depends on data, written as ~bound, is at most.
uint64_t mostBytes(const Value &value, const int64_t *dims) {
  uint64_t bytes = typeBytes(value.type);
  for (size_t i = 0; i != value.sizes.size(); ++i)
    if (__builtin_mul_overflow(bytes, uint64_t(dims[i] < 0 ? ~dims[i] : dims[i]), &bytes))
      return 0;
  return bytes < (uint64_t(1) << 47) ? bytes : 0; // more than a process can have is as good as unknown
}

/// Writes type, rank and shape, as far as they are known, and checks or writes the bytes.
void describeOutput(const Value &value, const int64_t *dims, uint64_t bytes, bool reading, lathe_tensor &tensor) {
  tensor.type = value.type;
  tensor.rank = value.sizes.size();
  for (size_t i = 0; i != tensor.rank; ++i)
    tensor.shape[i] = dims[i] < 0 ? -1 : dims[i];
  if (!reading)
    tensor.bytes = bytes == UnknownBytes ? mostBytes(value, dims) : bytes;
  else if (tensor.data)
    checkData(tensor, "output", bytes == UnknownBytes ? 0 : bytes);
}

} // namespace

void bindTensors(const Program &program, const Entry &entry, const lathe_run_options &options, bool reading,
                 TensorCall &call) {
  call.entry = &entry;
  call.stream = options.stream;
  bindInputs(entry, options, reading, call);

  call.outputs.assign(entry.outputs.size(), nullptr);
  for (size_t i = 0; i != options.output_count; ++i) {
    size_t index = indexOf(entry.outputs, options.outputs[i].name, "output");
    if (call.outputs[index])
      throw Failure(LATHE_INVALID_ARGUMENT, "output '", options.outputs[i].name, "' is given twice");
    call.outputs[index] = &options.outputs[i];
  }

  // The sizes of all outputs, row by row.
  size_t dimCount = 0;
  for (const Value &value : entry.outputs)
    dimCount += value.sizes.size();
  call.outputDims.assign(dimCount, 0);
  program.image().code(entry).outputDims(call.symbols.data(), call.outputDims.data());
  call.outputBytes.clear();
  const int64_t *dims = call.outputDims.data();
  for (size_t i = 0; i != entry.outputs.size(); ++i) {
    const Value &value = entry.outputs[i];
    bool known = std::none_of(dims, dims + value.sizes.size(), [](int64_t size) { return size < 0; });
    call.outputBytes.push_back(known ? bytesOf(dims, value.sizes.size(), value.type) : UnknownBytes);
    if (lathe_tensor *tensor = call.outputs[i])
      describeOutput(value, dims, call.outputBytes.back(), reading, *tensor);
    dims += value.sizes.size();
  }
}

uint64_t bindOutputSizes(TensorCall &call, size_t index, const int64_t *dims) {
  const Value &value = call.entry->outputs[index];
  size_t rank = value.sizes.size();
  uint64_t bytes = bytesOf(dims, rank, value.type);
  call.outputBytes[index] = bytes;
  if (lathe_tensor *tensor = call.outputs[index]) {
    std::copy(dims, dims + rank, tensor->shape);
    if (tensor->data && tensor->bytes < bytes)
      throw Failure(LATHE_INVALID_ARGUMENT, "output '", value.name, "' has ", tensor->bytes, " bytes but its shape ",
                    shapeText(dims, rank), " needs ", bytes);
  }
  return bytes;
}

} // namespace lathe::runtime
