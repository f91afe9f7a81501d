#include "tools/lathe/TensorRun.h"

#include "tools/lathe/TensorInputs.h"

#include <algorithm>

namespace lathe::tools {

std::vector<std::string> outputNamesOf(const Program &program, size_t entry) {
  std::vector<std::string> names;
  for (size_t i = 0; const lathe_value_info *value = lathe_program_output(program.get(), entry, i); ++i)
    names.emplace_back(value->name);
  return names;
}

lathe_run_options describeRun(const Model &model, const Session &session, std::vector<lathe_tensor> &inputs,
                              std::vector<lathe_tensor> &outputs) {
  lathe_run_options options = {};
  options.struct_size = sizeof(options);
  options.entry = model.info().name;
  options.inputs = inputs.data();
  options.input_count = inputs.size();
  options.outputs = outputs.data();
  options.output_count = outputs.size();
  check(lathe_session_shapes(session.get(), &options));
  return options;
}

TensorRun::TensorRun(const Model &model, std::map<std::string, Array> &inputs, std::vector<std::string> outputNames)
    : session(createSession(model, nullptr)), outputNames(std::move(outputNames)) {
  for (auto &[name, array] : inputs)
    inputTensors.push_back(describeTensor(name.c_str(), array));
  outputTensors.resize(this->outputNames.size());
  for (size_t i = 0; i != outputTensors.size(); ++i)
    outputTensors[i].name = this->outputNames[i].c_str();
  options = describeRun(model, session, inputTensors, outputTensors);
  outputs.resize(outputTensors.size());
  for (size_t i = 0; i != outputs.size(); ++i) {
    const lathe_tensor &tensor = outputTensors[i];
    outputs[i].type = tensor.type;
    if (std::find(tensor.shape, tensor.shape + tensor.rank, -1) == tensor.shape + tensor.rank)
      outputs[i].bytes.resize(tensor.bytes);
  }
}

void TensorRun::run() {
  // Without memory, because the size depends on data or is 0, an output lies in that of the session.
  for (size_t i = 0; i != outputs.size(); ++i)
    outputTensors[i].data = outputs[i].bytes.empty() ? nullptr : outputs[i].bytes.data();
  check(lathe_session_run(session.get(), &options));
}

/// An output whose size depends on data may be smaller than the room that was made for it.
static void takeShape(Array &array, const lathe_tensor &tensor) {
  array.shape.assign(tensor.shape, tensor.shape + tensor.rank);
  size_t bytes = typeNames(tensor.type).bytes;
  for (int64_t size : array.shape)
    bytes *= size_t(size);
  array.bytes.resize(bytes);
}

std::vector<Array> TensorRun::takeOutputs() {
  for (size_t i = 0; i != outputs.size(); ++i) {
    if (const auto *data = static_cast<const char *>(outputTensors[i].data); outputs[i].bytes.empty() && data)
      outputs[i].bytes.assign(data, data + outputTensors[i].bytes);
    takeShape(outputs[i], outputTensors[i]);
  }
  return std::move(outputs);
}

} // namespace lathe::tools
