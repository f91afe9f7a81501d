// Matrix products and sums of products.
#include "frontends/onnx/ops/Terms.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

static LogicalResult importMatMul(NodeImporter &node) {
  return setOutput(node, 0, matmul(input(node, 0), input(node, 1)));
}

/// `value`, or its product with a factor other than 1.
static Term scale(const Term &value, float factor) { return factor == 1.0f ? value : value * factor; }

static LogicalResult importGemm(NodeImporter &node) {
  float alpha = node.floatAttribute("alpha", 1.0f), beta = node.floatAttribute("beta", 1.0f);
  bool transposeLhs = node.intAttribute("transA", 0), transposeRhs = node.intAttribute("transB", 0);
  Term lhs = input(node, 0), rhs = input(node, 1);
  if (!lhs || !rhs)
    return failure();
  if (lhs.rank() != 2 || rhs.rank() != 2)
    return node.fail("inputs have ranks {0} and {1}, only 2 is supported", lhs.rank(), rhs.rank());
  if (!lhs.isFloat() && (alpha != 1.0f || beta != 1.0f))
    return node.fail("'alpha' is {0} and 'beta' {1}, only 1 is supported for integers", alpha, beta);
  if (transposeLhs)
    lhs = transpose(lhs, {1, 0});
  Term result = scale(transposeRhs ? matmulTransposed(lhs, rhs) : matmul(lhs, rhs), alpha);
  if (!result || !node.hasInput(2))
    return setOutput(node, 0, result);
  Term bias = input(node, 2);
  if (!bias)
    return failure();
  if (bias.rank() > 2)
    return node.fail("C has rank {0}, needed at most 2", bias.rank());
  // C broadcasts to the product, never the other way.
  for (int64_t i = 1; i <= bias.rank(); ++i)
    if (bias.size(bias.rank() - i) != 1 &&
        failed(node.requireSame(bias.dim(bias.rank() - i), result.dim(2 - i), "a dimension of C")))
      return failure();
  return setOutput(node, 0, result + scale(bias, beta));
}

namespace {

/// An equation of Einsum: labels of each operand and of the result. Dimensions of an ellipsis get labels of their own,
/// upper case behind 'Z', aligned at the last one.
struct Equation {
  std::vector<std::string> operands;
  std::string result;
};

} // namespace

/// Replaces the ellipsis of `labels` by `count` of the labels that stand for ellipses.
static void fillEllipsis(std::string &labels, size_t count) {
  size_t at = labels.find("...");
  if (at == std::string::npos)
    return;
  std::string filled;
  for (size_t i = 0; i < count; ++i)
    filled += char(1 + (count - 1 - i)); // counted from the last
  labels.replace(at, 3, filled);
}

static LogicalResult parseEquation(NodeImporter &node, StringRef text, ArrayRef<Term> terms, Equation &equation) {
  std::string compact;
  llvm::copy_if(text, std::back_inserter(compact), [](char c) { return c != ' '; });
  auto [left, right] = StringRef(compact).split("->");
  SmallVector<StringRef> parts;
  left.split(parts, ',');
  if (parts.size() != terms.size())
    return node.fail("'equation' is '{0}', which has {1} operands, but the node has {2}", text, parts.size(),
                     terms.size());
  size_t widest = 0;
  for (auto [part, term] : llvm::zip_equal(parts, terms)) {
    std::string labels = part.str();
    size_t named = labels.size() - (part.contains("...") ? 3 : 0);
    if (int64_t(named) > term.rank() || (!part.contains("...") && int64_t(named) != term.rank()))
      return node.fail("'equation' is '{0}', of which '{1}' stands for an input of rank {2}", text, part, term.rank());
    widest = std::max(widest, term.rank() - named);
    fillEllipsis(labels, term.rank() - named);
    equation.operands.push_back(labels);
  }
  equation.result = right.str();
  if (!StringRef(compact).contains("->")) {
    std::string all = llvm::join(equation.operands, "");
    std::string letters = all;
    llvm::sort(letters);
    if (left.contains("..."))
      equation.result = "...";
    for (char label : letters)
      if (label >= 'A' && llvm::count(all, label) == 1)
        equation.result += label;
  }
  fillEllipsis(equation.result, widest);
  for (char label : llvm::join(equation.operands, "") + equation.result)
    if (!(label > 0 && label < 32) && !llvm::isAlpha(label))
      return node.fail("'equation' is '{0}', needed letters, ',', '...' and '->'", text);
  return success();
}

/// Keeps the elements at which two dimensions of a label that stands twice are equal, and drops the later dimension.
static Term takeDiagonals(Term term, std::string &labels) {
  for (size_t i = 0; term && i < labels.size(); ++i) {
    size_t j = labels.find(labels[i], i + 1);
    if (j == std::string::npos)
      continue;
    NodeImporter &node = *term.node;
    if (failed(node.requireSame(term.dim(i), term.dim(j), "a label of the equation")))
      return Term();
    SmallVector<AffineExpr> ones(term.rank(), node.constantSize(1)), rows = ones, columns = ones;
    rows[i] = term.dim(i);
    columns[j] = term.dim(j);
    Type type = node.builder().getI64Type();
    Term same = test<EqualOp>(iota(node, type, rows, i), iota(node, type, columns, j));
    term = reduce(select(same, term, constant(term, 0)), ReduceKind::Sum, int64_t(j), /*keep=*/false);
    labels.erase(j, 1);
    --i;
  }
  return term;
}

/// The dimensions of `term` in the order of `order`, those that it lacks of size 1.
static Term align(const Term &term, StringRef labels, StringRef order) {
  SmallVector<int64_t> permutation;
  for (char label : order)
    if (size_t at = labels.find(label); at != StringRef::npos)
      permutation.push_back(at);
  Term moved = transpose(term, permutation);
  for (size_t i = 0; moved && i < order.size(); ++i)
    if (!labels.contains(order[i]))
      moved = unsqueeze(moved, i);
  return moved;
}

static LogicalResult importEinsum(NodeImporter &node) {
  StringRef text = node.stringAttribute("equation", "");
  SmallVector<Term> terms;
  for (size_t i = 0; i < node.numInputs(); ++i)
    if (terms.emplace_back(input(node, i)); !terms.back())
      return failure();
  Equation equation;
  if (failed(parseEquation(node, text, terms, equation)))
    return failure();
  std::string order = equation.result;
  for (const std::string &labels : equation.operands)
    for (char label : labels)
      if (!StringRef(order).contains(label))
        order += label;
  Term product;
  for (auto [i, term] : llvm::enumerate(terms)) {
    term = align(takeDiagonals(term, equation.operands[i]), equation.operands[i], order);
    product = i == 0 ? term : product * term;
  }
  if (!product)
    return failure();
  for (char label : equation.result)
    if (llvm::none_of(equation.operands, [&](StringRef labels) { return labels.contains(label); }))
      return node.fail("'equation' is '{0}', whose result has a label of no operand", text);
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(equation.result.size(), order.size()));
  return setOutput(node, 0, axes.empty() ? product : reduce(product, ReduceKind::Sum, axes, /*keep=*/false));
}

// Sorted by name.
static constexpr Operator Operators[] = {
    {"", "Einsum", 12, NewestOpset, "", importEinsum},
    {"", "Gemm", 7, NewestOpset, "", importGemm},
    {"", "MatMul", 1, NewestOpset, "", importMatMul},
};

llvm::ArrayRef<Operator> lathe::onnx::linearOperators() { return Operators; }
