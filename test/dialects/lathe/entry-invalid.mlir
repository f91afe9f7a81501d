// RUN: lathe-opt %s --split-input-file --verify-diagnostics
// Attributes of modules and entry points; the dialect's description lists them.

// expected-error @below {{'func.func' op 'lathe.entry' is "image", needed "tensor", "language_model" or "encoder"}}
func.func @kind() attributes {lathe.entry = "image"} {
  return
}

// -----

// expected-error @below {{'builtin.module' op 'lathe.entry' belongs on a function}}
module attributes {lathe.entry = "tensor"} {}

// -----

// expected-error @below {{'builtin.module' op 'lathe.files' must be an array of paths on a module}}
module attributes {lathe.files = ["a.gguf", 1]} {}

// -----

// expected-error @below {{'func.func' op 'lathe.symbols' must be an array of #lathe.symbol}}
func.func @symbols_are_strings() attributes {lathe.entry = "tensor", lathe.symbols = ["batch"]} {
  return
}

// -----

// expected-error @below {{'func.func' op 'lathe.symbols' holds 'batch' twice}}
func.func @symbol_twice()
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"batch", 1, 2>, #lathe.symbol<"batch", 1, 4>]} {
  return
}

// -----

// expected-error @below {{'func.func' op argument 0 has rank 2 but 'lathe.dims' has 1 entries}}
func.func @rank(%x: tensor<2x2xf32> {lathe.dims = [2]}) attributes {lathe.entry = "tensor"} {
  return
}

// -----

// expected-error @below {{'func.func' op argument 0 dimension 1 is 2 but 'lathe.dims' says 3}}
func.func @size(%x: tensor<2x2xf32> {lathe.dims = [2, 3]}) attributes {lathe.entry = "tensor"} {
  return
}

// -----

// expected-error @below {{'func.func' op argument 0 dimension 0 is "rows", which is no symbol of 'lathe.symbols'}}
func.func @unknown_symbol(%x: tensor<?x2xf32> {lathe.dims = ["rows", 2]})
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"batch", 1, 2>]} {
  return
}

// -----

// expected-error @below {{'func.func' op result 0 dimension 0 is static but 'lathe.dims' names symbol "batch"}}
func.func @symbol_on_a_static_size(%x: tensor<2xf32>) -> (tensor<2xf32> {lathe.dims = ["batch"]})
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"batch", 1, 2>]} {
  return %x : tensor<2xf32>
}
