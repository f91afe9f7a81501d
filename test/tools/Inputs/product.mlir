// A product whose kernel has several forms.
func.func @forward(%x: tensor<?x128xf16> {lathe.name = "x", lathe.dims = ["n", 128]})
    -> (tensor<?x256xf16> {lathe.name = "y", lathe.dims = ["n", 256]})
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 33, 64>]} {
  %w = lathe.weight "w" file 0 offset 0 bytes 65536 : tensor<256x128xf16>
  %0 = lathe.matmul %x, %w transpose_rhs : tensor<?x128xf16>, tensor<256x128xf16> -> tensor<?x256xf16>
  return %0 : tensor<?x256xf16>
}
