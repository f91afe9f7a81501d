// Runs passes on IR in text form: the tool of the lit tests, and for taking a compilation apart.
#include "compiler/Dialects.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  lathe::registerDialects(registry);
  lathe::registerPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "lathe optimizer\n", registry));
}
