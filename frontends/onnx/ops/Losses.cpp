// Losses over class labels, and the steps of optimizers.
#include "dialects/lathe/LoopOps.h"
#include "frontends/onnx/ops/Terms.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

/// The loss of `scores` [N, C, d...], logarithms of probabilities, for labels [N, d...].
static Term negativeLogLikelihood(NodeImporter &node, const Term &scores, const Term &labels, StringRef reduction) {
  if (!scores || !labels)
    return Term();
  if (scores.rank() < 2 || labels.rank() != scores.rank() - 1) {
    (void)node.fail("scores have rank {0} and labels {1}, needed at least 2 and one less", scores.rank(),
                    labels.rank());
    return Term();
  }
  const NodeAttribute *ignore = node.attribute("ignore_index");
  Term weights = node.hasInput(2) ? input(node, 2) : Term(), places = labels, ignored;
  if (ignore) {
    ignored = test<EqualOp>(labels, constant(labels, double(node.intAttribute("ignore_index", 0))));
    places = select(ignored, constant(labels, 0), labels);
  }
  if (!places || (node.hasInput(2) && !weights))
    return Term();
  Term rows = unsqueeze(places, 1), chosen;
  if (rows)
    chosen = Term(node, node.create<GatherElementsOp>(scores.type(), scores.value, rows.value, 1));
  Term loss = chosen ? -reshape(chosen, labels.dims()) : chosen;
  Term share;
  if (weights)
    share = Term(node, node.create<GatherAlongOp>(weights.type(), weights.value, places.value, 0));
  else if (ignore && loss)
    share = expand(constant(loss, 1), loss.dims());
  if (share && ignore)
    share = select(ignored, constant(share, 0), share);
  if (share)
    loss = loss * share;
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, labels.rank()));
  if (reduction == "none")
    return loss;
  if (reduction == "sum")
    return reduce(loss, ReduceKind::Sum, axes, false);
  if (reduction != "mean") {
    (void)node.fail("'reduction' is '{0}', needed none, sum or mean", reduction);
    return Term();
  }
  if (!share)
    return reduce(loss, ReduceKind::Mean, axes, false);
  return reduce(loss, ReduceKind::Sum, axes, false) / reduce(share, ReduceKind::Sum, axes, false);
}

static LogicalResult importNegativeLogLikelihoodLoss(NodeImporter &node) {
  StringRef reduction = node.stringAttribute("reduction", "mean");
  return setOutput(node, 0, negativeLogLikelihood(node, realInput(node, 0), input(node, 1), reduction));
}

static LogicalResult importSoftmaxCrossEntropyLoss(NodeImporter &node) {
  StringRef reduction = node.stringAttribute("reduction", "mean");
  Term scores = realInput(node, 0);
  Term logarithms = scores && scores.rank() > 1 ? logSoftmax(scores, 1) : scores;
  if (node.hasOutput(1) && failed(setOutput(node, 1, logarithms)))
    return failure();
  return setOutput(node, 0, negativeLogLikelihood(node, logarithms, input(node, 1), reduction));
}

// Optimizers take the rate R, the step T, then for n tensors: all values X, all gradients G, all accumulated states.

static LogicalResult checkGroups(NodeImporter &node, size_t states, size_t &count) {
  size_t groups = states + 2;
  if (node.numInputs() < 2 + groups || (node.numInputs() - 2) % groups != 0)
    return node.fail("has {0} inputs, needed rate, step and {1} for each tensor", node.numInputs(), groups);
  count = (node.numInputs() - 2) / groups;
  return success();
}

static LogicalResult importAdagrad(NodeImporter &node) {
  float decay = node.floatAttribute("decay_factor", 0), epsilon = node.floatAttribute("epsilon", 0);
  float norm = node.floatAttribute("norm_coefficient", 0);
  size_t n;
  if (failed(checkGroups(node, 1, n)))
    return failure();
  Term rate = realInput(node, 0), step = input(node, 1);
  if (!rate || !step)
    return failure();
  Term slowed = rate / (cast(step, rate.type()) * decay + 1.0);
  for (size_t i = 0; i < n; ++i) {
    Term x = realInput(node, 2 + i), gradient = realInput(node, 2 + n + i), squares = realInput(node, 2 + 2 * n + i);
    Term regular = x * norm + gradient, sum = squares + regular * regular;
    if (failed(setOutput(node, i, x - slowed * regular / (apply<SqrtOp>(sum) + epsilon))) ||
        failed(setOutput(node, n + i, sum)))
      return failure();
  }
  return success();
}

static LogicalResult importAdam(NodeImporter &node) {
  double alpha = node.floatAttribute("alpha", 0.9f), beta = node.floatAttribute("beta", 0.999f);
  double epsilon = node.floatAttribute("epsilon", 0), norm = node.floatAttribute("norm_coefficient", 0);
  double normAfter = node.floatAttribute("norm_coefficient_post", 0);
  size_t n;
  if (failed(checkGroups(node, 2, n)))
    return failure();
  Term rate = realInput(node, 0), step = input(node, 1);
  if (!rate || !step)
    return failure();
  Type type = rate.type();
  Term count = cast(step, type);
  Term corrected = rate * apply<SqrtOp>(1.0 - apply<PowOp>(constant(rate, beta), count)) /
                   (1.0 - apply<PowOp>(constant(rate, alpha), count));
  Term used = select(test<LessOp>(constant(count, 0), count), corrected, rate);
  for (size_t i = 0; i < n; ++i) {
    Term x = realInput(node, 2 + i), gradient = realInput(node, 2 + n + i);
    Term first = realInput(node, 2 + 2 * n + i), second = realInput(node, 2 + 3 * n + i);
    Term regular = x * norm + gradient;
    Term momentum = first * alpha + regular * (1 - alpha), squares = second * beta + regular * regular * (1 - beta);
    Term next = x - used * momentum / (apply<SqrtOp>(squares) + epsilon);
    if (failed(setOutput(node, i, next * (1 - normAfter))) || failed(setOutput(node, n + i, momentum)) ||
        failed(setOutput(node, 2 * n + i, squares)))
      return failure();
  }
  return success();
}

static LogicalResult importMomentum(NodeImporter &node) {
  double alpha = node.floatAttribute("alpha", 0), beta = node.floatAttribute("beta", 0);
  double norm = node.floatAttribute("norm_coefficient", 0);
  StringRef mode = node.stringAttribute("mode", "");
  size_t n;
  if (failed(checkGroups(node, 1, n)))
    return failure();
  if (mode != "standard" && mode != "nesterov")
    return node.fail("'mode' is '{0}', needed standard or nesterov", mode);
  Term rate = realInput(node, 0), step = input(node, 1);
  if (!rate || !step)
    return failure();
  for (size_t i = 0; i < n; ++i) {
    Term x = realInput(node, 2 + i), gradient = realInput(node, 2 + n + i), before = realInput(node, 2 + 2 * n + i);
    Term regular = x * norm + gradient;
    Term share = select(test<LessOp>(constant(step, 0), step), constant(rate, beta), constant(rate, 1));
    Term momentum = before * alpha + regular * share;
    Term change = mode == "standard" ? momentum : regular + momentum * alpha;
    if (failed(setOutput(node, i, x - rate * change)) || failed(setOutput(node, n + i, momentum)))
      return failure();
  }
  return success();
}

// Sorted by domain and name.
static constexpr Operator Operators[] = {
    {"", "NegativeLogLikelihoodLoss", 12, NewestOpset, "", importNegativeLogLikelihoodLoss},
    {"", "SoftmaxCrossEntropyLoss", 12, NewestOpset, "", importSoftmaxCrossEntropyLoss},
    {"ai.onnx.preview.training", "Adagrad", 1, 1, "", importAdagrad},
    {"ai.onnx.preview.training", "Adam", 1, 1, "", importAdam},
    {"ai.onnx.preview.training", "Momentum", 1, 1, "", importMomentum},
};

llvm::ArrayRef<Operator> lathe::onnx::lossOperators() { return Operators; }
