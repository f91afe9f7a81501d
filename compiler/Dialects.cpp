// One file, because each dialect costs seconds of compile time wherever it is named.
#include "compiler/Dialects.h"
#include "compiler/targets/cuda/Passes.h"
#include "dialects/plan/Plan.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Transforms/Passes.h"
#include "passes/Passes.h"

void lathe::registerDialects(mlir::DialectRegistry &registry) {
  registry.insert<lathe::LatheDialect, lathe::plan::PlanDialect, mlir::arith::ArithDialect, mlir::func::FuncDialect,
                  mlir::LLVM::LLVMDialect, mlir::scf::SCFDialect>();
}

void lathe::registerPasses() {
  registerLathePasses();
  registerLatheCudaPasses();
  mlir::registerCanonicalizerPass();
  mlir::registerCSEPass();
  mlir::registerSymbolDCEPass();
}
