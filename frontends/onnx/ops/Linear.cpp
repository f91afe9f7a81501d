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
  if (node.opset() < 7)
    node.intAttribute("broadcast", 0); // C broadcasts without being told, too
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

/// The dimensions of `term` in the order of `order`, which has the same labels.
static Term arrange(const Term &term, StringRef labels, StringRef order) {
  return labels == order ? term : align(term, labels, order);
}

/// Sums over labels that `others` has not.
static Term sumOthers(const Term &term, std::string &labels, StringRef others) {
  SmallVector<int64_t> axes;
  std::string left;
  for (auto [i, label] : llvm::enumerate(labels))
    if (others.contains(label))
      left += label;
    else
      axes.push_back(i);
  labels = left;
  return axes.empty() ? term : reduce(term, ReduceKind::Sum, axes, /*keep=*/false);
}

/// Labels of two operands and their result, by what a product of matrices does with them. Rows and columns stand in the
/// order of the result, inner ones in that of the left operand.
struct Contraction {
  std::string batch, rows, columns, inner;
};

static Contraction findContraction(StringRef lhs, StringRef rhs, StringRef result) {
  Contraction found;
  for (char label : result)
    (!lhs.contains(label) ? found.columns : rhs.contains(label) ? found.batch : found.rows) += label;
  for (char label : lhs)
    if (!result.contains(label))
      found.inner += label;
  return found;
}

/// The sizes of labels, multiplied.
static AffineExpr multiplySizes(const Term &term, StringRef labels, StringRef group) {
  AffineExpr size = term.node->constantSize(1);
  for (char label : group)
    size = size * term.dim(labels.find(label));
  return size;
}

/// True when dimensions of these labels can be made one and apart again.
static bool canMerge(const Term &term, StringRef labels, StringRef group) {
  return group.size() <= 1 || llvm::count_if(group, [&](char label) { return !term.size(labels.find(label)); }) <= 1;
}

/// The left operand as [batch..., rows..., inner].
static Term asLeft(const Term &term, StringRef labels, const Contraction &parts) {
  Term moved = arrange(term, labels, parts.batch + parts.rows + parts.inner);
  if (!moved || (!parts.rows.empty() && parts.inner.size() == 1))
    return moved;
  SmallVector<AffineExpr> shape(moved.dims().take_front(parts.batch.size() + parts.rows.size()));
  if (parts.rows.empty())
    shape.push_back(moved.node->constantSize(1));
  shape.push_back(multiplySizes(term, labels, parts.inner));
  return reshape(moved, shape);
}

/// The right operand as [batch..., columns, inner], or with the last two exchanged unless `transposed`. Where there are
/// batches, all rows of the left operand but the last number further ones, in which this operand repeats.
static Term asRight(const Term &term, StringRef labels, const Contraction &parts, bool transposed) {
  auto [first, second] = transposed ? std::pair(parts.columns, parts.inner) : std::pair(parts.inner, parts.columns);
  Term moved = arrange(term, labels, parts.batch + first + second);
  size_t repeated = parts.batch.empty() || parts.rows.empty() ? 0 : parts.rows.size() - 1;
  if (!moved || (repeated == 0 && first.size() == 1 && second.size() == 1))
    return moved;
  SmallVector<AffineExpr> shape(moved.dims().take_front(parts.batch.size()));
  shape.append(repeated, moved.node->constantSize(1));
  shape.push_back(multiplySizes(term, labels, first));
  shape.push_back(multiplySizes(term, labels, second));
  return reshape(moved, shape);
}

/// The sum of products of two operands as a product of matrices; nothing (without a reason) if it is none.
static std::optional<Term> contract(Term lhs, std::string left, Term rhs, std::string right, StringRef result) {
  lhs = sumOthers(lhs, left, right + result.str());
  rhs = sumOthers(rhs, right, left + result.str());
  if (!lhs || !rhs)
    return Term();
  Contraction parts = findContraction(left, right, result);
  auto hasOneSize = [&](char label) { return isSameDim(lhs.dim(left.find(label)), rhs.dim(right.find(label))); };
  if (parts.inner.empty() || !isNarrowFloat(lhs.type()) || !llvm::all_of(parts.inner, hasOneSize) ||
      !canMerge(lhs, left, parts.inner) || !canMerge(rhs, right, parts.inner) || !canMerge(rhs, right, parts.columns))
    return std::nullopt;
  // Where the right operand ends with the labels summed over it is read as it lies.
  bool transposed = StringRef(right).ends_with(parts.inner);
  Term a = asLeft(lhs, left, parts), b = asRight(rhs, right, parts, transposed);
  Term product = transposed ? matmulTransposed(a, b) : matmul(a, b);
  if (!product)
    return product;
  SmallVector<AffineExpr> shape(product.dims().take_front(parts.batch.size() + parts.rows.size()));
  for (char label : parts.columns)
    shape.push_back(rhs.dim(right.find(label)));
  if (parts.rows.empty() || parts.columns.size() != 1)
    product = reshape(product, shape);
  return product ? arrange(product, parts.batch + parts.rows + parts.columns, result) : product;
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
  for (char label : equation.result)
    if (llvm::none_of(equation.operands, [&](StringRef labels) { return labels.contains(label); }))
      return node.fail("'equation' is '{0}', whose result has a label of no operand", text);
  for (auto [term, labels] : llvm::zip_equal(terms, equation.operands))
    if (term = takeDiagonals(term, labels); !term)
      return failure();
  if (terms.size() == 2)
    if (std::optional<Term> product =
            contract(terms[0], equation.operands[0], terms[1], equation.operands[1], equation.result))
      return setOutput(node, 0, *product);
  std::string order = equation.result;
  for (const std::string &labels : equation.operands)
    for (char label : labels)
      if (!StringRef(order).contains(label))
        order += label;
  Term product;
  for (auto [i, term] : llvm::enumerate(terms)) {
    term = align(term, equation.operands[i], order);
    product = i == 0 ? term : product * term;
  }
  if (!product)
    return failure();
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(equation.result.size(), order.size()));
  return setOutput(node, 0, axes.empty() ? product : reduce(product, ReduceKind::Sum, axes, /*keep=*/false));
}

/// Determinants of matrices [..., n, n], by expansion: of the last k rows with each choice of k columns.
static LogicalResult importDet(NodeImporter &node) {
  constexpr int64_t Largest = 6; // 2^n minors
  Term x = realInput(node, 0);
  if (!x)
    return failure();
  std::optional<int64_t> n = x.rank() < 2 ? std::nullopt : x.size(x.rank() - 1);
  if (!n || *n < 1 || *n > Largest || x.size(x.rank() - 2) != n)
    return node.fail("input has shape {0}, needed square matrices of a fixed size up to {1}", node.print(x.dims()),
                     Largest);
  AffineExpr one = node.constantSize(1);
  std::vector<Term> minors(size_t(1) << *n);
  for (int64_t row = *n - 1; row >= 0; --row)
    for (uint64_t columns = 1; columns < minors.size(); ++columns) {
      if (llvm::popcount(columns) != *n - row)
        continue;
      Term sum;
      bool negative = false;
      for (int64_t column = 0; column < *n; ++column) {
        if (!(columns >> column & 1))
          continue;
        Term product =
            slice(slice(x, x.rank() - 2, node.constantSize(row), one), x.rank() - 1, node.constantSize(column), one);
        if (row + 1 < *n)
          product = product * minors[columns & ~(uint64_t(1) << column)];
        sum = !sum ? product : negative ? sum - product : sum + product;
        negative = !negative;
      }
      minors[columns] = sum;
    }
  return setOutput(node, 0, minors.back() ? reshape(minors.back(), x.dims().drop_back(2)) : Term());
}

// Sorted by name.
static constexpr Operator Operators[] = {
    {"", "Det", 11, NewestOpset, "matrices of a fixed size up to 6 x 6", importDet},
    {"", "Einsum", 12, NewestOpset, "", importEinsum},
    {"", "Gemm", 1, NewestOpset, "", importGemm},
    {"", "MatMul", 1, NewestOpset, "", importMatMul},
};

llvm::ArrayRef<Operator> lathe::onnx::linearOperators() { return Operators; }
