// Products whose result is cut into parts that are used apart, as one weight that holds queries, keys and values is.
#ifndef LATHE_PASSES_SHARDING_FUSEDPRODUCTS_H
#define LATHE_PASSES_SHARDING_FUSEDPRODUCTS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace lathe {

/// Makes a product with a part of the weight of each slice of such a product's columns, so that each part is split by
/// itself. Elementwise operations with constants in between, such as the addition of a bias, are made for each part.
/// Products that are also read otherwise stay, and so do weights whose parts are not whole blocks. What is read from a
/// file as it is stays so: a part is a place of its own. JoinProducts makes one launch of the products again.
void splitFusedProducts(mlir::func::FuncOp function);

} // namespace lathe

#endif // LATHE_PASSES_SHARDING_FUSEDPRODUCTS_H
