#ifndef LATHE_TOOLS_LATHE_BENCHCOSTS_H
#define LATHE_TOOLS_LATHE_BENCHCOSTS_H

#include "compiler/report/Machine.h"
#include "tools/lathe/Handles.h"

#include <nlohmann/json.hpp>

namespace lathe::tools {

/// What runs a model.
struct Place {
  report::Machine machine; ///< of which nothing may be known, as of CPUs
  std::string target;      ///< the one of the manifest's "cuda_targets" whose kernels the GPU takes; empty on a CPU
};
Place findPlace(const Model &model, const nlohmann::ordered_json &manifest);

/// What a language model must move and compute, by its manifest: nothing of this is measured.
class TokenCosts {
public:
  explicit TokenCosts(const Model &model);

  /// `texts` texts of `before` tokens, to each of which `count` tokens are added, and a row of logits for each.
  struct Work {
    int64_t texts, before, count;
  };
  /// Bytes that must be read if all of it is one step: the weights, of tables only what is looked up, and of the states
  /// what each text's last token sees.
  double bytes(const Work &work) const;
  /// Floating-point operations, a multiply-add being two; attention counts what is visible.
  double flops(const Work &work) const;

  double weightBytes() const; ///< of all weights
  /// Of the GPU that the model runs on; 0 where nothing is known of it, as of CPUs.
  double memoryRate() const { return memory; }
  double peakFlops() const { return peak; }

private:
  struct Call {
    nlohmann::ordered_json totals, launches;
    double tokens, seen; ///< of the call that the numbers are of, and of each text as attention counts them
  };
  Call evaluate(const Work &work) const;

  const Model &model;
  nlohmann::ordered_json manifest;
  Place place;
  double memory = 0, peak = 0;
};

/// Adds "bytes", "gb_per_second" and, of a known GPU, "memory_percent" to the times of something.
void addMemoryRate(nlohmann::json &times, double bytes, const TokenCosts &costs);
/// The same with "flops", "tflops_per_second" and "flops_percent".
void addComputeRate(nlohmann::json &times, double flops, const TokenCosts &costs);

} // namespace lathe::tools

#endif // LATHE_TOOLS_LATHE_BENCHCOSTS_H
