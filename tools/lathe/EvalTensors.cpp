// What a model of tensors gives, beside the model that it was made from, on the same inputs.
#include "runtime/cpu/AvailableCpus.h"
#include "tools/ExitCodes.h"
#include "tools/lathe/Divergence.h"
#include "tools/lathe/Eval.h"
#include "tools/lathe/TensorRun.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace lathe::tools {

namespace {

/// Rows of an output along its last dimension, as logits.
std::vector<float> rowsOf(const Array &array) {
  std::vector<float> values(array.count());
  for (size_t i = 0; i != values.size(); ++i)
    values[i] = float(elementValue(array, i));
  return values;
}

/// Whether rows are distributions: nothing below 0, and a sum of 1.
bool areProbabilities(const std::vector<float> &values, size_t width) {
  for (size_t row = 0; row != values.size(); row += width) {
    double sum = 0;
    for (size_t i = 0; i != width; ++i) {
      if (!(values[row + i] >= 0))
        return false;
      sum += double(values[row + i]);
    }
    if (!(std::fabs(sum - 1) < 1e-3))
      return false;
  }
  return true;
}

nlohmann::json compareOutput(runtime::ThreadPool &pool, const std::string &name, const Array &source,
                             const Array &model) {
  std::vector<float> from = rowsOf(source), to = rowsOf(model);
  double squares = 0, norm = 0, greatest = 0;
  size_t notFinite = 0;
  for (size_t i = 0; i != from.size(); ++i) {
    if (!std::isfinite(from[i]) || !std::isfinite(to[i])) {
      notFinite += from[i] != to[i] && !(std::isnan(from[i]) && std::isnan(to[i]));
      continue;
    }
    double difference = double(to[i]) - double(from[i]);
    squares += difference * difference;
    norm += double(from[i]) * double(from[i]);
    greatest = std::max(greatest, std::fabs(difference));
  }
  nlohmann::json result = {{"output", name},
                           {"mean_squared_error", squares / double(std::max<size_t>(1, from.size()))},
                           {"relative_error", norm > 0      ? std::sqrt(squares / norm)
                                              : squares > 0 ? INFINITY
                                                            : 0},
                           {"greatest_error", greatest},
                           {"not_finite", notFinite}};
  size_t width = source.shape.empty() ? 0 : size_t(source.shape.back());
  if (width < 2 || from.empty() || notFinite)
    return result;
  bool probabilities = areProbabilities(from, width) && areProbabilities(to, width);
  if (probabilities)
    for (std::vector<float> *values : {&from, &to})
      for (float &value : *values)
        value = std::log(value);
  Divergence divergence;
  size_t rows = from.size() / width;
  for (const RowDivergence &row : compareRows(pool, {from.data(), rows, width}, {to.data(), rows, width}))
    divergence.add(row);
  result["rows"] = divergence.rows();
  result["of"] = probabilities ? "probabilities" : "logits";
  result["divergence"] = divergence.mean();
  result["divergence_greatest"] = divergence.quantile(1);
  result["same_top"] = divergence.sameTop();
  return result;
}

void printOutput(const nlohmann::json &result) {
  auto number = [&](const char *name) { return result[name].get<double>(); };
  std::printf("%s: relative error %.3g, mean squared error %.3g, greatest %.3g\n",
              result["output"].get<std::string>().c_str(), number("relative_error"), number("mean_squared_error"),
              number("greatest_error"));
  if (size_t count = result["not_finite"].get<size_t>())
    std::printf("  %zu elements are finite in one of them alone, or infinite with another sign\n", count);
  if (result.contains("divergence"))
    std::printf("  %zu rows of %s: divergence %.6f nats, greatest %.6f; the greatest element is the same in %.2f %%\n",
                result["rows"].get<size_t>(), result["of"].get<std::string>().c_str(), number("divergence"),
                number("divergence_greatest"), 100 * number("same_top"));
}

} // namespace

nlohmann::json evaluateTensors(const EvalArguments &arguments, const Model &model) {
  ModelArguments other = arguments.model;
  other.model = arguments.source;
  Model source = loadModel(other);
  if (source.info().kind != LATHE_ENTRY_TENSOR)
    throw CommandFailure(LATHE_INVALID_ARGUMENT, arguments.source + ": is a language model, but " +
                                                     arguments.model.model +
                                                     " takes tensors; give the model that it was made from");
  std::map<std::string, Array> inputs = makeInputs(arguments.inputs, model.program, model.entry);
  std::vector<std::string> names = outputNamesOf(model.program, model.entry);
  std::vector<Array> outputs[2];
  for (size_t i = 0; i != 2; ++i) {
    TensorRun run(i ? model : source, inputs, names);
    run.run();
    outputs[i] = run.takeOutputs();
  }
  nlohmann::json result = {{"model", arguments.model.model}, {"source", arguments.source}};
  result["outputs"] = nlohmann::json::array();
  runtime::ThreadPool pool(arguments.model.threads ? arguments.model.threads : runtime::availableCpus());
  for (size_t i = 0; i != names.size(); ++i) {
    if (outputs[0][i].shape != outputs[1][i].shape)
      throw CommandFailure(LATHE_INVALID_ARGUMENT, arguments.source + ": its output " + names[i] +
                                                       " has another shape than that of " + arguments.model.model +
                                                       "; give the model that it was made from");
    result["outputs"].push_back(compareOutput(pool, names[i], outputs[0][i], outputs[1][i]));
  }
  return result;
}

void printTensorEvaluation(const nlohmann::json &result) {
  for (const nlohmann::json &output : result["outputs"])
    printOutput(output);
}

} // namespace lathe::tools
