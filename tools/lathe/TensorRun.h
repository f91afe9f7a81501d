#ifndef LATHE_TOOLS_LATHE_TENSORRUN_H
#define LATHE_TOOLS_LATHE_TENSORRUN_H

#include "tools/lathe/Arrays.h"
#include "tools/lathe/Handles.h"

#include <map>
#include <string>
#include <vector>

namespace lathe::tools {

/// The names of an entry's outputs, in order.
std::vector<std::string> outputNamesOf(const Program &program, size_t entry);

/// A call of the model's entry with these tensors, which must outlive it; writes the outputs' types and shapes. Throws
/// CommandFailure.
lathe_run_options describeRun(const Model &model, const Session &session, std::vector<lathe_tensor> &inputs,
                              std::vector<lathe_tensor> &outputs);

/// A tensor entry with inputs and outputs in host memory, to be run once or often.
class TensorRun {
public:
  /// `inputs` and the model must outlive this object; only the outputs named are computed into memory. Throws
  /// CommandFailure.
  TensorRun(const Model &model, std::map<std::string, Array> &inputs, std::vector<std::string> outputNames);

  void run();
  /// What the last run gave, in the order of the names. To be called once.
  std::vector<Array> takeOutputs();

private:
  Session session;
  std::vector<std::string> outputNames;
  std::vector<lathe_tensor> inputTensors, outputTensors;
  std::vector<Array> outputs;
  lathe_run_options options = {};
};

} // namespace lathe::tools

#endif // LATHE_TOOLS_LATHE_TENSORRUN_H
