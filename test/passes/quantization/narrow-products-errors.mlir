// RUN: lathe-opt %s --lathe-narrow-products=activations=f8 --verify-diagnostics

// expected-error @below {{activations are 'f8' and kv '', needed f32, f16 or bf16}}
module {
}
