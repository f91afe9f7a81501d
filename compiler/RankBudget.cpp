#include "compiler/RankBudget.h"
#include "compiler/report/Collectives.h"
#include "compiler/targets/HostProgram.h"
#include "dialects/lathe/Bounds.h"
#include "dialects/lathe/Collectives.h"

using namespace mlir;
using namespace lathe;

/// Bytes of the first output of a launch when symbols have their least values.
static int64_t countLeast(plan::LaunchOp launch, const Bounds &bounds) {
  Value result = launch.getBody().front().getTerminator()->getOperand(0);
  AffineExpr bytes = getAffineConstantExpr(getElementBytes(getElementTypeOrSelf(result)), launch.getContext());
  for (AffineExpr dim : cast<AffineMapAttr>(launch.getShapes()[launch.getInputs().size()]).getValue().getResults())
    bytes = bytes * dim;
  return bounds.getRange(bytes).first;
}

/// Bytes that a rank sends when so many come out of a collective.
static int64_t countSent(Operation *collective, int64_t bytes, int64_t ranks) {
  int64_t all = isa<ReduceScatterOp>(collective) ? bytes * ranks : bytes;
  return int64_t(report::countSent(collective->getName().stripDialect().str(), double(all), ranks));
}

static void addClone(plan::CloneOp clone, const Grid &grid, bool isFirst, RankBudget &budget) {
  SmallVector<SymbolAttr> symbols = clone.getAllSymbols();
  Bounds bounds(symbols);
  budget.workingMemory = std::max(budget.workingMemory, bounds.getRange(clone.getArena().getResult(0)).second);
  if (!isFirst)
    return;
  clone.getBody().walk([&](plan::LaunchOp launch) {
    Operation *collective = findCollective(launch);
    if (!collective)
      return;
    ++budget.collectives;
    budget.sentBytes += countSent(collective, countLeast(launch, bounds), grid.getSize(getCollectiveAxis(collective)));
  });
}

/// A paged state grows by pages, of which the longest text has as many as the symbol `pages` allows.
static void addStates(plan::ProgramOp program, RankBudget &budget) {
  int64_t pages = 1, token = 0, text = 0;
  for (auto symbol : program.getSymbols().getAsRange<SymbolAttr>())
    if (symbol.getName() == "pages")
      pages = symbol.getMax();
  for (auto port : program.getStates().getAsRange<plan::PortAttr>()) {
    auto state = cast<StateType>(port.getType());
    bool paged = state.getKind() == StateKind::Paged;
    token += paged ? state.getUnitBytes() / StateType::PageTokens : 0;
    text += state.getUnitBytes() * (paged ? pages : 1);
  }
  budget.stateOfToken = std::max(budget.stateOfToken, token);
  budget.stateOfText = std::max(budget.stateOfText, text);
}

RankBudget lathe::computeRankBudget(ModuleOp plan) {
  Grid grid = Grid::of(plan);
  RankBudget budget;
  budget.ranks = grid.getNumRanks();
  for (auto data : plan.getOps<plan::DataOp>()) {
    int64_t bytes = *getTensorBytes(cast<RankedTensorType>(data.getType()));
    (data.getBody().getOps<TakeShardOp>().empty() ? budget.sharedWeights : budget.ownWeights) += bytes;
  }
  bool isFirst = true;
  for (auto program : plan.getOps<plan::ProgramOp>()) {
    addStates(program, budget);
    for (auto clone : program.getBody().front().getOps<plan::CloneOp>()) {
      addClone(clone, grid, isFirst, budget);
      isFirst = false;
    }
  }
  return budget;
}

std::string RankBudget::describe() const {
  std::string text = llvm::formatv("each of {0} ranks has {1:N} bytes of weights of its own and {2:N} that all have, "
                                   "and needs at most {3:N} bytes of working memory",
                                   ranks, ownWeights, sharedWeights, workingMemory);
  if (stateOfToken)
    text += llvm::formatv(" and {0:N} bytes of cache a token", stateOfToken);
  return text +
         llvm::formatv("; in the smallest step it sends {0:N} bytes in {1} collectives", sentBytes, collectives).str();
}
